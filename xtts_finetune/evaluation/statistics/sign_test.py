"""Is one of two voices preferred in more sentences than chance would give? An exact test, and a range for the share.

How often a test may be looked at, and the level of each look, is fixed before anybody listens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# A test may be looked at three times, after 8, 20 and 40 sentences. With each look at this two-sided level, equal
# voices are told apart in at most 5 % of the tests: S. J. Pocock, 1977, 'Group sequential methods in the design and
# analysis of clinical trials', Biometrika 64, table 1, three looks. His looks are evenly spaced and his data normal, so
# tests/evaluation/statistics/test_sign_test.py counts it exactly for the sign test at these looks: 3.1 % without ties,
# 4.7 % at most whatever the number of ties.
LOOK_ALPHA = 0.0221
# Intervals are at the same level, so that the intervals of all looks hold at once in 95 % of the tests.
# C. Jennison, B. W. Turnbull, 1989, 'Interim analyses: the repeated confidence interval approach', JRSS B 51.
CONFIDENCE = 1 - LOOK_ALPHA
# Where so many further sentences would not do, the difference is too small to matter.
MOST_MORE = 200


@dataclass(frozen=True)
class SignTest:
    """The share of wins among the sentences that are no tie, its interval, and the two-sided p.

    share, low, high   from 0 to 1; 0.5 between 0 and 1 where every sentence is a tie
    """

    share: float
    low: float
    high: float
    p: float


@lru_cache(maxsize=100_000)
def sign_test(wins: int, losses: int, confidence: float = CONFIDENCE) -> SignTest:
    """Test `wins` of wins + losses against a fair coin; ties are left out by whoever counts.

    p = min(1, 2 P(X >= max(wins, losses))) with X ~ Bin(wins + losses, 1/2), exact
        (W. J. Dixon, A. M. Mood, 1946, 'The statistical sign test', JASA 41)
    interval = (s + z^2/2n -+ z sqrt(s (1 - s)/n + z^2/4n^2)) / (1 + z^2/n), s the share of n
        (E. B. Wilson, 1927, 'Probable inference, the law of succession, and statistical inference', JASA 22)

    Raises ValueError for negative counts.
    """
    if wins < 0 or losses < 0:
        raise ValueError(f"expected counts of at least 0 but got {wins} and {losses}")
    if wins + losses == 0:
        return SignTest(0.5, 0.0, 1.0, 1.0)
    from scipy.stats import binomtest  # noqa: PLC0415  heavy

    result = binomtest(wins, wins + losses, 0.5, alternative="two-sided")
    interval = result.proportion_ci(confidence_level=confidence, method="wilson")
    share = wins / (wins + losses)
    return SignTest(share, float(interval.low), float(interval.high), float(result.pvalue))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values so adjusted that calling those below a level wrong at all happens no more often than the level says.

    The i-th smallest of m (i from 0) times m - i, at most 1 and never below the one before it
    (S. Holm, 1979, 'A simple sequentially rejective multiple test procedure', Scand. J. Statist. 6).
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return adjusted
