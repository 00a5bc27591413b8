"""How far a mel_ce may differ by chance alone, and what a remedy must gain over the control to count.

Who wins a race: the best remedy, if it beats the control by more than noise; else nobody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xtts_finetune.records.trials import Verdict


@dataclass(frozen=True)
class Selection:
    """The verdict, the winner if there is one, and why. `threshold` is what its gain had to exceed (nats)."""

    verdict: Verdict
    winner: str | None
    words: str
    threshold: float | None


def select(
    control: Sequence[float],
    remedies: Mapping[str, Sequence[float]],
    start: float,
    noise: Noise,
    compared: int,
    best_before: float = math.inf,
) -> Selection:
    """The selection between those that went to the end.

    `control` and `remedies` hold the best mel_ce of each, one number a seed, after as many clips seen; `start` is
    the mel_ce that all began with; `compared` is how many remedies there were at first, each of which might have
    won by luck. `best_before` is the mel_ce of the phase's best model, which is there already: what is no better is
    no solution either.
    """
    means = {name: math.fsum(values) / len(values) for name, values in remedies.items() if values}
    finite = {name: mean for name, mean in means.items() if math.isfinite(mean)}
    of_control = math.fsum(control) / len(control) if control else math.nan
    best = min(finite, key=lambda name: finite[name], default=None)
    repeats = min([len(control), *(len(remedies[name]) for name in [best] if name)])
    threshold = noise.threshold(start, compared, max(1, repeats))
    if threshold is None or (best is None and not math.isfinite(of_control)):
        words = "the control has too few evaluations to know the noise; run a longer race (--steps)"
        return Selection("too noisy to tell", None, words, None)
    beaten = best is not None and not of_control - finite[best] <= threshold
    before, what = min((start, "the start"), (best_before, "the phase's best model"))
    if best is not None and beaten and finite[best] < before:
        return Selection("solved", best, _won(best, finite[best], of_control, start, threshold), threshold)
    if best is None:
        found = "no remedy came to the end"
    elif beaten:
        found = f"the best remedy, {best} ({finite[best]:.4f}), is no better than {what} ({before:.4f})"
    else:
        found = (
            f"the best remedy, {best} ({finite[best]:.4f}), differs from the control ({of_control:.4f}) by "
            f"{finite[best] - of_control:+.4f}; only a gain of more than {threshold:.4f} would be more than noise"
        )
    if start - of_control > threshold:
        return Selection(
            "nothing to solve",
            None,
            f"the unchanged phase goes from {start:.4f} to {of_control:.4f} by itself: let it go on; {found}",
            threshold,
        )
    return Selection("nothing helped", None, f"{found}; keep the phase's best model, or add clips", threshold)


def _won(name: str, value: float, control: float, start: float, threshold: float) -> str:
    if not math.isfinite(control):
        return f"{name} reaches {value:.4f} from {start:.4f}; the unchanged phase did not come to the end"
    return (
        f"{name} reaches {value:.4f} from {start:.4f}, the unchanged phase {control:.4f} after as many clips: a gain "
        f"of {control - value:.4f}, where {threshold:.4f} could be noise"
    )


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
