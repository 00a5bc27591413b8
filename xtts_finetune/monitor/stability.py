"""The three numbers that tell a calm training run from a troubled one, each a pure function of its history.

From where on the monitor warns, and what a good run aims at.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """All in nats of mel_ce. Warned of: std and gap above, improvement over five epochs below the limit."""

    eval_std: float = 0.05
    improvement: float = 0.05
    gap: float = 0.10
    target_eval_std: float = 0.05
    target_improvement: float = 0.15
    target_gap: float = 0.10


DEFAULTS = Limits()


WINDOW = 8  # evaluations that the standard deviation looks back on
FEWEST = 5
# Root mean square of Gaussian noise around the curve that never rises, by the number of values (simulated).
OF_NOISE = {5: 0.65, 6: 0.72, 7: 0.74, 8: 0.77}
GAP_EVALS = 3  # of a gap, the median of so many evaluations: one odd one is no gap
EPOCHS = 5


@dataclass(frozen=True)
class EpochMean:
    """Mean training mel_ce of one pass over the clips; epochs count from 0."""

    epoch: int
    mel_ce: float


def eval_std(values: Sequence[float]) -> float | None:
    """Standard deviation of the last evaluations around the calmest course that fits them; None for too few.

    A straight line is one such course, a curve that never rises the other: an eval loss that falls quickly is not
    unsteady, yet the plain deviation of a good start would be the largest of the whole run. Both are scaled to
    give the standard deviation of what is but noise (the line by its two degrees of freedom).
    """
    window = [value for value in values[-WINDOW:] if math.isfinite(value)]
    if len(window) < FEWEST:
        return None
    falling = math.sqrt(_squares(window, _never_rising(window)) / len(window)) / OF_NOISE[len(window)]
    return min(falling, math.sqrt(_squares(window, _straight(window)) / (len(window) - 2)))


def _squares(values: Sequence[float], course: Sequence[float]) -> float:
    return math.fsum((value - fitted) ** 2 for value, fitted in zip(values, course, strict=True))


def _straight(values: Sequence[float]) -> list[float]:
    """The line of least squares through values at equal distances."""
    middle, mean = (len(values) - 1) / 2, math.fsum(values) / len(values)
    squares = math.fsum((i - middle) ** 2 for i in range(len(values)))
    slope = math.fsum((i - middle) * (value - mean) for i, value in enumerate(values)) / squares
    return [mean + slope * (i - middle) for i in range(len(values))]


def _never_rising(values: Sequence[float]) -> list[float]:
    """The curve of least squares that never rises: neighbours that rise become their mean (Ayer et al., 1955)."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (late, many), (early, more) = blocks.pop(), blocks.pop()
            blocks.append(((late * many + early * more) / (many + more), many + more))
    return [mean for mean, count in blocks for _ in range(count)]


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
