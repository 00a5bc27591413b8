"""The facts that close a phase, gathered from its declaration and its records. Without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xtts_finetune.curves.trend import trend_of
from xtts_finetune.data.planned import Planned
from xtts_finetune.records.facts import PhaseFacts
from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.times import now
from xtts_finetune.training.success import judge

# What a phase's closing record repeats of its declaration.
_SHOWN = (
    "train",
    "optimization_level",
    "learning_rate",
    "schedule",
    "batch_size",
    "accumulate",
    "buckets",
    "max_tokens",
    "weight_decay",
    "gradient_clip",
    "precision",
    "text_loss_weight",
    "mel_loss_weight",
    "kl_weight",
    "label_smoothing",
    "huber_tau",
    "adaptive_loss_weights",
    "mask_prompt",
    "seed",
)


def phase_facts(
    name: str,
    phase: PhaseSpec,
    planned: Planned | None,
    metrics: Metrics,
    stop: Stop,
    *,
    started: str,
    fingerprint: str,
    log: Path | None,
    commands: Mapping[str, str] | None = None,
    ran_with: Mapping[str, Any] | None = None,
) -> PhaseFacts:
    """What the closing records say beyond the metrics.

    `phase` is the phase as it ran: with the batches of `ran_with`, if memory ran out. `planned` is None
    where the clips were never counted. `commands` are those that a user types next: 'again' goes on with this
    phase, 'go_on' with the pipeline.
    """
    if planned is None:
        planned = Planned(phase.steps or 0, phase.epochs or 0.0)
    declared = phase.model_dump(mode="json")
    return PhaseFacts(
        steps_planned=planned.steps,
        epochs_planned=planned.epochs,
        batch_size=phase.batch_size,
        learning_rate=phase.learning_rate,
        hyperparameters={key: declared[key] for key in _SHOWN},
        started=started,
        ended=now(),
        seconds=_seconds_of_work(metrics),
        trend=trend_of(
            [each.step for each in metrics.evals], [each.mel_ce for each in metrics.evals]
        ).to_json(),
        judgement=judge(phase.success, metrics, stop.reason),
        fingerprint=fingerprint,
        command=_command(name, phase, stop, commands or {}),
        goal=phase.goal,
        log=log,
        ran_with=ran_with,
    )


def _seconds_of_work(metrics: Metrics) -> float:
    seconds = [record.seconds for record in metrics.steps]
    seconds += [record.seconds for record in metrics.evals]
    return math.fsum(seconds + [record.seconds for record in metrics.quality])


def _command(name: str, phase: PhaseSpec, stop: Stop, commands: Mapping[str, str]) -> str:
    """What the user types next."""
    if stop.reason is Reason.BAD_START:
        return ""  # the same command would end in the same way
    again = commands.get("again") or f"run_pipeline {name}"
    could_halve = phase.batch_size > 1 and phase.max_tokens is None and phase.on_out_of_memory == "stop"
    if stop.reason is Reason.OUT_OF_MEMORY and could_halve:
        return f"{again} --set {name}.on_out_of_memory=halve_batch"
    return (commands.get("go_on") or "run_pipeline") if stop.reason.status == "done" else again
