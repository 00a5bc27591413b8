"""Judging trials: at which marks they are compared and who goes on, and how much of a difference is chance.

Synchronous successive halving: all run to the first mark, the better share to the next, and so on.

K. Jamieson and A. Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016,
with the marks doubling. Between two marks a trial keeps its state, so nothing is trained twice. Of a cut to a third
or a quarter instead of a half: L. Li et al., Hyperband, JMLR 18 (2018), who advise one of these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The first comparison rests on so many evaluations at least: one alone is mostly noise.
FEWEST_EVALS = 2
# What a race may cost: a share, in percent, of what the five usual remedies would take to the end.
FIVE, MOST_PERCENT = 5, 60


@dataclass(frozen=True)
class Rounds:
    """At which marks, counted in evaluations, trials are compared, and that one in `cut` of them goes on, rounded up.

    The last mark is the end, where nobody leaves.
    """

    marks: tuple[int, ...]
    cut: int

    def cost(self, trials: int) -> int:
        """Evaluations' worth of training of so many trials, and of a control that goes to the end."""
        spent, before = self.marks[-1], 0
        for mark in self.marks:
            spent += trials * (mark - before)
            trials, before = self.stay(trials), mark
        return spent

    def stay(self, trials: int) -> int:
        """How many of the trials go on after a mark."""
        return -(-trials // self.cut)


def rounds_of(trials: int, evals: int, warmup_evals: int = 0) -> Rounds:
    """The rounds of a race between `trials`, the control not counted, over `evals` evaluations.

    The gentlest cut (a half rather than a third) whose total, control included, is within `most_evals`, begun at the
    latest mark that allows it, half of the way at most. No mark comes before `earliest`. Where that leaves no such
    cut, it is the cheapest one: all but one leave at the earliest mark, and `why_over` says so.
    """
    for cut in range(2, trials + 1):
        for first in range(evals // 2, earliest(warmup_evals) - 1, -1):
            rounds = _doubling(trials, evals, first, cut)
            if rounds.cost(trials) <= most_evals(evals):
                return rounds
    return _doubling(trials, evals, earliest(warmup_evals), max(2, trials))


def earliest(warmup_evals: int) -> int:
    """The first evaluation that may decide: the second one, and one after the longest warm-up."""
    return max(FEWEST_EVALS, warmup_evals + 1)


def most_evals(evals: int) -> int:
    """What a race of this length may cost: of its three lengths the control takes one, and a remedy that wins one."""
    return FIVE * MOST_PERCENT * evals // 100


def why_over(trials: int, evals: int, warmup_evals: int = 0) -> str:
    """Why the race costs more than it may; '' where it does not."""
    planned = rounds_of(trials, evals, warmup_evals).cost(trials)
    if planned <= most_evals(evals):
        return ""
    because = "two evaluations have" if warmup_evals < FEWEST_EVALS else "the longest warm-up has"
    return (
        f"{trials} remedies cannot be dropped before evaluation {min(evals, earliest(warmup_evals))} of {evals}, "
        f"because {because} to pass first"
    )


def marks_of(trials: int, evals: int, warmup_evals: int = 0) -> tuple[int, ...]:
    """The marks of a generation of a search, where half go on each time; the last one is the end.

    There are as many as it takes to halve the trials down to one, doubling towards `evals`; fewer where the first
    would come before `earliest`.
    """
    halvings = math.ceil(math.log2(trials)) if trials > 1 else 0
    marks = {evals}
    for number in range(1, halvings + 1):
        mark = -(-evals // 2**number)
        if mark >= earliest(warmup_evals):
            marks.add(mark)
    return tuple(sorted(marks))


def better_half(values: Mapping[str, float]) -> list[str]:
    """The names of the better half, rounded up: see `the_best`."""
    return the_best(values, -(-len(values) // 2))


def the_best(values: Mapping[str, float], count: int) -> list[str]:
    """The names of the best `count` (lower is better); NaN is the worst, and never among them.

    Equals stay in their order, so that the same results give the same names on every machine.
    """
    ranked = sorted(values, key=lambda name: math.inf if math.isnan(values[name]) else values[name])
    return [name for name in ranked[:count] if math.isfinite(values[name])]


def _doubling(trials: int, evals: int, first: int, cut: int) -> Rounds:
    """Marks from the first one on, each twice as far, until one trial is left."""
    marks = []
    while first < evals and trials > 1:
        marks.append(first)
        trials, first = -(-trials // cut), 2 * first
    return Rounds((*marks, evals), cut)


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
