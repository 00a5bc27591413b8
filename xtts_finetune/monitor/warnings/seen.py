"""What warnings look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtts_finetune.monitor.stability import EpochMean
from xtts_finetune.records.metrics import EvalRecord, StepRecord


@dataclass(frozen=True)
class Seen:
    """A phase's history so far: its last evaluations and steps, and the means of its whole epochs.

    learning_rate  the declared one, 0.0 where it is not known
    free, needed   bytes of room on the disk, and of one more checkpoint with the best model; None: not known
    """

    evals: Sequence[EvalRecord] = ()
    epochs: Sequence[EpochMean] = ()
    steps: Sequence[StepRecord] = ()
    learning_rate: float = 0.0
    free: int | None = None
    needed: int | None = None
