"""How long a phase is and how long it still takes, from its records alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from xtts_finetune.monitor.history import History


def planned_steps(declaration: Mapping[str, Any], data: Mapping[str, Any], history: History) -> int | None:
    """The optimizer steps of a phase; None while they cannot be told.

    A phase that is declared in epochs has as many steps as its own records say an epoch has; before it has any,
    as many as its clips make in batches of their full size.
    """
    steps, epochs = declaration.get("steps"), declaration.get("epochs")
    if isinstance(steps, int):
        return steps
    if not isinstance(epochs, int | float):
        return None
    if history.steps and history.epoch > 0:
        an_epoch = round(history.steps[-1].step / history.epoch)
        return max(1, math.ceil(epochs * max(1, an_epoch) - 1e-6))
    try:
        clips = int(data["clips"]) - int(data["eval_clips"])
        a_step = int(declaration["batch_size"]) * int(declaration["accumulate"])
    except (KeyError, TypeError, ValueError):
        return None
    return math.ceil(epochs * math.ceil(clips / a_step)) if clips > 0 and a_step > 0 else None


def seconds_left(planned: int | None, every: Any, history: History) -> float | None:
    """About how long the phase still trains, unless a stop rule ends it: its steps and its evaluations."""
    seconds = [record.seconds for record in history.steps if math.isfinite(record.seconds)]
    if planned is None or not seconds:
        return None
    steps = max(0, planned - history.last_step)
    evals = steps // every if isinstance(every, int) and every > 0 else 0
    an_eval = history.eval_seconds / history.eval_count if history.eval_count else 0.0
    return steps * math.fsum(seconds) / len(seconds) + evals * an_eval
