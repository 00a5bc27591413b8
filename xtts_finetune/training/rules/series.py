"""A metric of the evaluations as a series without holes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from xtts_finetune.records.metrics import EvalRecord
from xtts_finetune.spec.stop_rules import Metric


class Evaluated(NamedTuple):
    """What a metric was after `step` optimizer steps."""

    step: int
    value: float


def evaluated(evals: Iterable[EvalRecord], metric: Metric | Literal["train_mel_ce"]) -> Iterator[Evaluated]:
    """The metric of every evaluation that has it, in their order; NaN and infinite ones are left out."""
    for record in evals:
        value: float | None = getattr(record, metric)
        if value is not None and math.isfinite(value):
            yield Evaluated(record.step, value)


def first_and_last(evals: Sequence[EvalRecord], metric: Metric) -> tuple[Evaluated, Evaluated] | None:
    """The metric at the phase's start and now, as far as it is a number; None if it never was."""
    first, last = next(evaluated(evals, metric), None), next(evaluated(reversed(evals), metric), None)
    return None if first is None or last is None else (first, last)
