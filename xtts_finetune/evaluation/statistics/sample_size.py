"""How many more sentences would settle it, if they went as those so far."""

from __future__ import annotations

import math

from xtts_finetune.evaluation.statistics.looks import LOOK_ALPHA, MOST_MORE
from xtts_finetune.evaluation.statistics.preferences import Counts
from xtts_finetune.evaluation.statistics.sign_test import sign_test


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
