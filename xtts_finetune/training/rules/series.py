"""A metric of the evaluations as a series without holes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from xtts_finetune.records.metrics import EvalRecord
from xtts_finetune.spec.stop_rules import Metric


class Point(NamedTuple):
    """A metric's value after `step` optimizer steps."""

    step: int
    value: float


def series(evals: Sequence[EvalRecord], metric: Metric | Literal["train_mel_ce"]) -> list[Point]:
    """The metric of every evaluation that has it, in their order; NaN and infinite ones are left out."""
    points = [Point(record.step, getattr(record, metric)) for record in evals]
    return [point for point in points if point.value is not None and math.isfinite(point.value)]
