"""How far a mel_ce may differ by chance alone, and what a remedy must gain over the control to count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# One-sided, over all remedies of a race together (Bonferroni).
CHANCE = 0.05
# A gain of less than this share of the value is no solution, however sure it is.
RELEVANT = 0.001
FEWEST_DEGREES = 2


@dataclass(frozen=True)
class Noise:
    """Standard deviation of one number (nats), the degrees of freedom it rests on, and where it is from."""

    deviation: float
    degrees: int
    source: str

    def threshold(self, level: float, remedies: int, repeats: int = 1) -> float | None:
        """What the difference of two means of `repeats` numbers must exceed to be more than noise (nats).

        Student's t, one-sided, at `CHANCE` shared out over the remedies that might have won by luck; at least
        `RELEVANT` of the `level`. None where the noise is not known well enough.
        """
        if self.degrees < FEWEST_DEGREES:
            return None
        from scipy.stats import t  # noqa: PLC0415  heavy

        sure = float(t.ppf(1 - CHANCE / max(1, remedies), self.degrees))
        return max(sure * self.deviation * math.sqrt(2 / repeats), RELEVANT * level)


def noise_around_trends(series: Sequence[Sequence[tuple[float, float]]]) -> Noise:
    """The spread of evaluations around the straight line through them, pooled over several stretches of a curve.

    Each is a sequence of (step, mel_ce). What wanders slowly counts as noise, too, so that it is rather over- than
    underestimated. Values that are not finite do not count.
    """
    squares, degrees = 0.0, 0
    for points in series:
        finite = [(step, value) for step, value in points if math.isfinite(value)]
        if len(finite) > FEWEST_DEGREES:
            squares += _squares_around_line(finite)
            degrees += len(finite) - 2
    deviation = math.sqrt(squares / degrees) if degrees else math.nan
    return Noise(deviation, degrees, "the spread of the control's evaluations around their trend")


def noise_of_repeats(groups: Sequence[Sequence[float]]) -> Noise:
    """The spread between runs that differ in their seed alone, pooled over several kinds of run."""
    squares, degrees = 0.0, 0
    for values in groups:
        mean = math.fsum(values) / len(values)
        squares += math.fsum((value - mean) ** 2 for value in values)
        degrees += len(values) - 1
    deviation = math.sqrt(squares / degrees) if degrees else math.nan
    return Noise(deviation, degrees, f"the spread between {max(map(len, groups), default=0)} seeds")


def _squares_around_line(points: Sequence[tuple[float, float]]) -> float:
    middle = math.fsum(step for step, _ in points) / len(points)
    level = math.fsum(value for _, value in points) / len(points)
    spread = math.fsum((step - middle) ** 2 for step, _ in points)
    slope = math.fsum((step - middle) * (value - level) for step, value in points) / spread
    return math.fsum((value - level - slope * (step - middle)) ** 2 for step, value in points)
