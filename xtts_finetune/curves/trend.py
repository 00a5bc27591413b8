"""Was a metric still moving when a phase ended? A line through its last evaluations, and how sure it is.

The slope is the median of the slopes between all pairs of evaluations, which a single odd one cannot turn
(H. Theil, 1950; P. K. Sen, 1968, 'Estimates of the regression coefficient based on Kendall's tau'). Whether it
is more than chance is asked of the same pairs: how many rise and how many fall (M. G. Kendall, 1938, 'A new
measure of rank correlation'), with the exact distribution, as there are but few evaluations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import median
from typing import Any, Literal

Verdict = Literal["falling", "flat", "rising", "too short"]

FEWEST = 4  # evaluations; of fewer, no order is rarer than one in twenty
MOST = 30  # of a long history the last ones say how it ended
CHANCE = 0.05  # one-sided
NOTHING = 0.001  # a change over all evaluations looked at by less than this share of the value counts as none


@dataclass(frozen=True)
class Trend:
    """How a metric moved over its last `evals` evaluations, from `first_step` to the end.

    `per_100_steps` is the slope of the line, `noise` the typical distance of an evaluation from it (1.4826 x
    the median distance, which is the standard deviation of Gaussian noise), both in the metric's unit.
    """

    verdict: Verdict
    evals: int
    first_step: int = 0
    per_100_steps: float = 0.0
    noise: float = 0.0

    @property
    def words(self) -> str:
        """For people: 'still falling by 0.012 per 100 steps', 'flat', ..."""
        last = f"over the last {self.evals} evaluations"
        if self.verdict == "too short":
            return f"too short to tell ({self.evals} of at least {FEWEST} evaluations)"
        if self.verdict == "flat":
            return f"flat {last}, give or take {self.noise:.2g}"
        still = "still " if self.verdict == "falling" else ""
        return f"{still}{self.verdict} by {abs(self.per_100_steps):.2g} per 100 steps {last}"

    def to_json(self) -> dict[str, Any]:
        """As model_info.json holds it."""
        return {**asdict(self), "words": self.words}


def trend_of(steps: Sequence[int], values: Sequence[float]) -> Trend:
    """The trend of `values`, measured at `steps` in rising order, over their last third (at least 4, at most 30).

    Values that are not finite do not count. A line that falls or rises in more than one of twenty orders of
    pure chance, or by less than a thousandth of the value, is called flat.
    """
    points = [(step, value) for step, value in zip(steps, values, strict=True) if math.isfinite(value)]
    window = points[-min(MOST, max(FEWEST, -(-len(points) // 3))) :]
    if len(window) < FEWEST:
        return Trend("too short", len(window))
    pairs = list(combinations(window, 2))
    slope = median((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs)
    level = median(value - slope * step for step, value in window)
    noise = 1.4826 * median(abs(value - slope * step - level) for step, value in window)
    balance = sum((b[1] > a[1]) - (b[1] < a[1]) for a, b in pairs)
    change = slope * (window[-1][0] - window[0][0])
    small = abs(change) < NOTHING * median(abs(value) for _, value in window)
    verdict: Verdict = "flat"
    if not small and chance_of_balance(len(window), abs(balance)) <= CHANCE:
        verdict = "falling" if balance < 0 else "rising"
    return Trend(verdict, len(window), window[0][0], 100 * slope, noise)


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
