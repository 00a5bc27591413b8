"""What stop rules, the monitor, a phase's closing record and a diagnosis all ask of a curve.

Pure functions of its values, without numpy, so that every step of training may ask; the room's docstring says who asks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from statistics import median
from typing import Any, Literal

from xtts_finetune.numbers.usual import EVAL_RISE, EVAL_STD
from xtts_finetune.records.metrics import EvalRecord


def ends_not_finite(values: Sequence[float], count: int = 1) -> bool:
    """Whether the last `count` values are there and all NaN or infinite."""
    last = values[-count:]
    return len(last) == count and not any(map(math.isfinite, last))


def lowest(values: Sequence[float]) -> int:
    """Where the best of finite values is, the first of equal ones. Raises ValueError for none."""
    return min(range(len(values)), key=lambda place: values[place])


def level_before(values: Sequence[float], *windows: int) -> float:
    """The level that a curve had reached, not the height that it came from: the least median of its last values.

    Each window is a number of last values. A jump is a multiple of this level.
    """
    return min(median(values[-window:]) for window in windows)


def typical_distance(distances: Iterable[float]) -> float:
    """The standard deviation of noise as if Gaussian: 1.4826 x the median of the distances to its middle, unsigned."""
    return 1.4826 * float(median([abs(distance) for distance in distances]))


WINDOW = 8  # evaluations that the standard deviation looks back on
FEWEST_EVALS = 5
# Root mean square of Gaussian noise around the curve that never rises, by the number of values (simulated).
OF_NOISE = {5: 0.65, 6: 0.72, 7: 0.74, 8: 0.77}
GAP_EVALS = 3  # of a gap, the median of so many evaluations: one odd one is no gap
EPOCHS = 5
FEWEST_TURNS = 2  # a curve that turns once is bent, and not unsteady


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
    if len(window) < FEWEST_EVALS:
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


def unrest(values: Sequence[float]) -> float | None:
    """`eval_std` of evaluations that jump up and down; None for too few, or where they fall, or fall and then rise."""
    return eval_std(values) if turns(values) >= FEWEST_TURNS else None


UNRESTS = 2.0  # standard deviations of the evaluations: a rise of fewer is part of their unrest


def rise_of(
    values: Sequence[float], best: float | None = None, share: float = EVAL_RISE, least: float = 0.0
) -> tuple[float | None, float]:
    """How far evaluations have risen since their lowest, and the limit above which that matters.

    It is the median of the last three, and nothing while there are fewer after the lowest; None for fewer than three.

    best         the lowest, where it may be older than `values`
    share,least  of the limit: a share of the lowest, and at least so much
    """
    known = [value for value in values if math.isfinite(value)]
    if len(known) < GAP_EVALS:
        return None, 0.0
    place = lowest(known)
    least_value = known[place] if best is None else min(best, known[place])
    later = known if least_value < known[place] else known[place + 1 :]
    limit = max(share * abs(least_value), least, UNRESTS * (unrest(known) or 0.0))
    # Of so few that their unrest is unknown, each has to be above the one before.
    told = len(later) >= GAP_EVALS and (len(known) >= FEWEST_EVALS or later == sorted(later))
    return (median(later[-GAP_EVALS:]) - least_value if told else 0.0), limit


def jumps(values: Sequence[float], limit: float = EVAL_STD) -> bool:
    """Whether evaluations jump up and down so much that the lowest of them is chance."""
    found = unrest(values)
    return found is not None and found > limit


def gap_at(record: EvalRecord) -> float | None:
    """How far the eval mel_ce is above the training mel_ce since the evaluation before; None without training."""
    return None if record.train_mel_ce is None else record.mel_ce - record.train_mel_ce


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


Verdict = Literal["falling", "flat", "rising", "too short"]

FEWEST_OF_TREND = 4  # evaluations; of fewer, no order is rarer than one in twenty
MOST_OF_TREND = 30  # of a long history the last ones say how it ended
CHANCE = 0.05  # one-sided
NOTHING = 0.001  # a change over all evaluations looked at by less than this share of the value counts as none


@dataclass(frozen=True)
class Trend:
    """How a metric moved over its last `evals` evaluations, from `first_step` to the end.

    `per_100_steps` is the slope of the line, `noise` the typical distance of an evaluation from it (1.4826 x
    the median distance, which is the standard deviation of Gaussian noise), both in the metric's unit.
    `risen` is how far its end lies above its lowest value, of step `since`, where that matters; else 0.
    """

    verdict: Verdict
    evals: int
    first_step: int = 0
    per_100_steps: float = 0.0
    noise: float = 0.0
    risen: float = 0.0
    since: int = 0

    @property
    def words(self) -> str:
        """For people: 'still falling by 0.012 per 100 steps', 'flat', ..."""
        last = f"over the last {self.evals} evaluations"
        if self.verdict == "too short":
            return f"too short to tell ({self.evals} of at least {FEWEST_OF_TREND} evaluations)"
        if self.risen:
            return f"rising: it rose by {self.risen:.2g} after step {self.since}"
        if self.verdict == "flat":
            return f"flat {last}, give or take {self.noise:.2g}"
        still = "still " if self.verdict == "falling" else ""
        return f"{still}{self.verdict} by {abs(self.per_100_steps):.2g} per 100 steps {last}"

    def to_json(self) -> dict[str, Any]:
        """As model_info.json holds it."""
        return {**asdict(self), "words": self.words}


def trend_of(steps: Sequence[int], values: Sequence[float]) -> Trend:
    """The trend of `values`, measured at `steps` in rising order, over their last third (at least 4, at most 30).

    The slope is the median of the slopes between all pairs of evaluations, which a single odd one cannot turn
    (H. Theil, 1950; P. K. Sen, 1968, 'Estimates of the regression coefficient based on Kendall's tau'). Whether it
    is more than chance is asked of the same pairs: how many rise and how many fall (M. G. Kendall, 1938, 'A new
    measure of rank correlation'), with the exact distribution, as there are but few evaluations.
    Values that are not finite do not count. A line that falls or rises in more than one of twenty orders of
    pure chance, or by less than a thousandth of the value, is called flat. One whose end lies well above its lowest
    value (`rise_of`, which the monitor warns by) is rising as well where two of three pairs rise.
    """
    points = [(step, value) for step, value in zip(steps, values, strict=True) if math.isfinite(value)]
    window = points[-min(MOST_OF_TREND, max(FEWEST_OF_TREND, -(-len(points) // 3))) :]
    if len(window) < FEWEST_OF_TREND:
        return Trend("too short", len(window))
    pairs = list(combinations(window, 2))
    slope = median((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs)
    level = median(value - slope * step for step, value in window)
    noise = typical_distance(value - slope * step - level for step, value in window)
    balance = sum((b[1] > a[1]) - (b[1] < a[1]) for a, b in pairs)
    change = slope * (window[-1][0] - window[0][0])
    small = abs(change) < NOTHING * median(abs(value) for _, value in window)
    verdict: Verdict = "flat"
    if not small and chance_of_balance(len(window), abs(balance)) <= CHANCE:
        verdict = "falling" if balance < 0 else "rising"
    trend = Trend(verdict, len(window), window[0][0], 100 * slope, noise)
    finite = [value for _, value in points]
    risen, limit = rise_of(finite)
    if 3 * balance < len(pairs) or risen is None or risen <= limit or jumps(finite):
        return trend
    return replace(trend, verdict="rising", risen=risen, since=points[lowest(finite)][0])


def chance_of_balance(count: int, balance: int) -> float:
    """The chance that of `count` values in random order the rising pairs outnumber the falling ones by `balance`.

    Exact where no two are equal: the number of orders with so many falling pairs is counted one value at a time,
    as each new value makes 0, 1, 2, ... new ones (Kendall, 1938).
    """
    orders = [1]
    for size in range(2, count + 1):
        longer = [0] * (len(orders) + size - 1)
        for falling, number in enumerate(orders):
            for more in range(size):
                longer[falling + more] += number
        orders = longer
    pairs = count * (count - 1) // 2
    most_falling = (pairs - balance) // 2
    return sum(orders[: most_falling + 1]) / sum(orders)
