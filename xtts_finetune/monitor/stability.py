"""The three numbers that tell a calm training run from a troubled one, each a pure function of its history."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

WINDOW = 8  # evaluations that the standard deviation looks back on
FEWEST = 5
GAP_EVALS = 3  # of a gap, the median of so many evaluations: one odd one is no gap
EPOCHS = 5


@dataclass(frozen=True)
class EpochMean:
    """Mean training mel_ce of one pass over the clips; epochs count from 0."""

    epoch: int
    mel_ce: float


def eval_std(values: Sequence[float]) -> float | None:
    """Standard deviation of the last evaluations around a straight line through them; None for too few.

    The line is taken off because an eval loss that falls quickly is not unsteady: the plain deviation of a good
    start would be the largest of the whole run. Two degrees of freedom go to the line.
    """
    window = [value for value in values[-WINDOW:] if math.isfinite(value)]
    count = len(window)
    if count < FEWEST:
        return None
    middle, mean = (count - 1) / 2, math.fsum(window) / count
    slope = math.fsum((i - middle) * (value - mean) for i, value in enumerate(window)) / math.fsum(
        (i - middle) ** 2 for i in range(count)
    )
    rest = math.fsum((value - mean - slope * (i - middle)) ** 2 for i, value in enumerate(window))
    return math.sqrt(rest / (count - 2))


def turns(values: Sequence[float]) -> int:
    """How often the last evaluations turn from rising to falling or back."""
    window = [value for value in values[-WINDOW:] if math.isfinite(value)]
    moves = [after - before for before, after in itertools.pairwise(window) if after != before]
    return sum((one > 0) != (next_ > 0) for one, next_ in itertools.pairwise(moves))


def gap_of(gaps: Sequence[float | None]) -> float | None:
    """How far the eval loss is above the training loss: the median of the last evaluations; None for too few."""
    known = [gap for gap in gaps if gap is not None and math.isfinite(gap)][-GAP_EVALS:]
    return sorted(known)[GAP_EVALS // 2] if len(known) == GAP_EVALS else None


def improvement(epochs: Sequence[EpochMean]) -> float | None:
    """By how much the mean training mel_ce fell over the last five whole epochs; None before there are six.

    Negative where it rose.
    """
    by_epoch = {mean.epoch: mean.mel_ce for mean in epochs if math.isfinite(mean.mel_ce)}
    if not by_epoch:
        return None
    last = max(by_epoch)
    before = by_epoch.get(last - EPOCHS)
    return None if before is None else before - by_epoch[last]
