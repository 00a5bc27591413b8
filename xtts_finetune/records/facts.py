"""What is known of a phase that ends, beyond its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xtts_finetune.records.levels import Judgement


@dataclass(frozen=True)
class PhaseFacts:
    """What the closing records say beyond the metrics.

    steps_planned counts optimizer steps, epochs_planned passes over the clips. `hyperparameters` are those that
    it was trained with; `ran_with` says which of them differ from the declared ones because memory ran out:
    {batch_size, accumulate, from_step, why}. `started` and `ended` are ISO 8601 times, `seconds` the time that
    was worked in between. `trend` says whether mel_ce was
    still moving at the end: {verdict, words, ...} of curves.trend. `command` is what the user types next.
    """

    steps_planned: int
    epochs_planned: float
    batch_size: int
    learning_rate: float
    hyperparameters: Mapping[str, object]
    started: str
    ended: str
    seconds: float
    judgement: Judgement
    trend: Mapping[str, Any]
    fingerprint: str
    command: str
    goal: str = ""
    log: Path | None = None
    ran_with: Mapping[str, Any] | None = field(default=None)
