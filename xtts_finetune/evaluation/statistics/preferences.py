"""Who is preferred to whom over all pairs that were heard, who wins, and how many sentences more would tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xtts_finetune.evaluation.statistics.sentences import Pair
from xtts_finetune.evaluation.statistics.sign_test import LOOK_ALPHA, MOST_MORE, holm, sign_test

# Means of preferences nearer to nothing than this are ties: they differ from it by rounding alone.
TIE = 1e-9


@dataclass(frozen=True)
class Counts:
    """In how many sentences the first of a pair was preferred, in how many the second, and in how many neither."""

    first: int
    second: int
    ties: int = 0


@dataclass(frozen=True)
class Preference:
    """A pair: the sentences each won, the second's share of those that are no tie with its interval, and p.

    p is that of the exact sign test, p_holm the same adjusted for all pairs. `significant`: p_holm is no more than
    the look's level, and the test was at a look.
    """

    first: str
    second: str
    wins_first: int
    wins_second: int
    ties: int
    sentences: int
    share_second: float
    low: float
    high: float
    p: float
    p_holm: float
    significant: bool

    @property
    def preferred(self) -> str | None:
        """The one that is significantly preferred."""
        if not self.significant:
            return None
        return self.second if self.wins_second > self.wins_first else self.first

    @property
    def other(self) -> str | None:
        """The one that another is significantly preferred to."""
        if not self.significant:
            return None
        return self.first if self.wins_second > self.wins_first else self.second


def count(means: Iterable[float]) -> Counts:
    """Count the sentences of a pair by the sign of their mean preference (above 0: the second)."""
    values = list(means)
    first = sum(value < -TIE for value in values)
    second = sum(value > TIE for value in values)
    return Counts(first, second, len(values) - first - second)


@dataclass(frozen=True)
class Rule:
    """How a pair is judged, fixed before anybody listened.

    alpha      the level of a look
    at_a_look  False while the sentences of the look are not all rated: then nothing is significant, since a test that
               is looked at after every rating calls equal voices different far too often
    family     pairs of one family are adjusted for their number. The winner of a test is compared with the base in a
               family of its own: it is asked about only once the test has decided, so that both together call equal
               voices different no more often than one (P. H. Westfall, A. Krishen, 2001, 'Optimally weighted, fixed
               sequence and gatekeeper multiple testing procedures', J. Statist. Plann. Inference 99)
    """

    alpha: float = LOOK_ALPHA
    at_a_look: bool = True
    family: str = ""


def compare(counts: Mapping[Pair, Counts], rules: Mapping[Pair, Rule] | None = None) -> tuple[Preference, ...]:
    """Test every pair that was heard by its rule, adjusted for the pairs of its family by Holm's procedure."""
    rule_of = {pair: (rules or {}).get(pair, Rule()) for pair in counts}
    tests = {pair: sign_test(each.second, each.first, 1 - rule_of[pair].alpha) for pair, each in counts.items()}
    adjusted: dict[Pair, float] = {}
    for family in dict.fromkeys(rule.family for rule in rule_of.values()):
        pairs = [pair for pair, rule in rule_of.items() if rule.family == family]
        adjusted |= zip(pairs, holm([tests[pair].p for pair in pairs]), strict=True)
    return tuple(
        Preference(
            first=pair[0],
            second=pair[1],
            wins_first=each.first,
            wins_second=each.second,
            ties=each.ties,
            sentences=each.first + each.second + each.ties,
            share_second=tests[pair].share,
            low=tests[pair].low,
            high=tests[pair].high,
            p=tests[pair].p,
            p_holm=adjusted[pair],
            significant=rule_of[pair].at_a_look and adjusted[pair] <= rule_of[pair].alpha,
        )
        for pair, each in counts.items()
    )


def winner(preferences: Sequence[Preference], names: Sequence[str]) -> str | None:
    """The one of `names` that is significantly preferred to all the others; None where there is none.

    To another directly, or over others: A to B and B to C makes A the better of A and C, too. Nobody of `names` may
    be significantly preferred to the winner. One name alone is its own winner.
    """
    beats = _beats(preferences)
    for name in names:
        beaten = _reached(name, beats)
        if name not in beaten and set(names) - {name} <= beaten:
            return name
    return None


def unbeaten(preferences: Sequence[Preference], names: Sequence[str]) -> tuple[str, ...]:
    """Those of `names` that none of them is significantly preferred to; all of them where they beat in a ring."""
    beaten = {each.other for each in preferences if each.preferred in names}
    return tuple(name for name in names if name not in beaten) or tuple(names)


def _beats(preferences: Sequence[Preference]) -> dict[str, set[str]]:
    beats: dict[str, set[str]] = {}
    for each in preferences:
        if each.preferred is not None and each.other is not None:
            beats.setdefault(each.preferred, set()).add(each.other)
    return beats


def _reached(name: str, beats: Mapping[str, set[str]]) -> set[str]:
    """Everyone that `name` beats, directly or over others; itself only in a ring."""
    reached: set[str] = set()
    waiting = list(beats.get(name, ()))
    while waiting:
        each = waiting.pop()
        if each not in reached:
            reached.add(each)
            waiting += beats.get(each, ())
    return reached


def more_for_preference(counts: Counts, alpha: float = LOOK_ALPHA) -> int | None:
    """The fewest further sentences with which the observed share of wins and of ties would be significant.

    Wins and decisive sentences are rounded down: part of a sentence settles nothing.

    0 where it is already; None where MOST_MORE would not do: the difference is then too small to matter.
    """
    decisive = counts.first + counts.second
    rated = decisive + counts.ties
    if decisive == 0 or counts.first == counts.second:
        return None
    if _p(counts.first, counts.second) <= alpha:
        return 0
    share = max(counts.first, counts.second) / decisive
    for more in range(1, MOST_MORE + 1):
        expected = math.floor((rated + more) * decisive / rated + 1e-9)
        wins = math.floor(expected * share + 1e-9)
        if _p(wins, expected - wins) <= alpha:
            return more
    return None


def more_for_mark(rated: int, distance: float, half_width: float) -> int | None:
    """Further sentences with which an interval around a mark would end before `distance` from it; None for too many.

    An interval of a mean narrows with the root of the number of sentences: n' = n (half_width / distance)^2.
    """
    if half_width < distance:
        return 0
    if distance <= 0 or rated == 0:
        return None
    more = math.floor(rated * (half_width / distance) ** 2) + 1 - rated
    return more if more <= MOST_MORE else None


def _p(first: int, second: int) -> float:
    return sign_test(first, second).p
