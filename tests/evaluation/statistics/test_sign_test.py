"""The exact test says of how many wins what the tables say, and Holm's procedure what Holm wrote."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import comb

import pytest

from xtts_finetune.evaluation.listening.forms import LOOKS
from xtts_finetune.evaluation.statistics.sign_test import LOOK_ALPHA, holm, sign_test
from xtts_finetune.records.heard.listening_files import ALPHA_OF_TWO_LOOKS


@pytest.mark.parametrize(
    "wins, sentences, p",
    [
        (9, 10, 0.0215),
        (12, 15, 0.0352),
        (15, 20, 0.0414),
        (16, 20, 0.0118),
        (21, 30, 0.0428),
        (28, 40, 0.0166),
    ],
)
def test_the_p_of_published_tables(wins: int, sentences: int, p: float) -> None:
    assert sign_test(wins, sentences - wins).p == pytest.approx(p, abs=5e-5)
    assert sign_test(sentences - wins, wins).p == sign_test(wins, sentences - wins).p


def test_what_the_looks_call() -> None:
    called = [min(w for w in range(n + 1) if w > n / 2 and sign_test(w, n - w).p <= LOOK_ALPHA) for n in LOOKS]
    assert called == [8, 16, 28]


def wrong_calls(decisive: Sequence[int], alpha: float) -> float:
    """The exact share of tests of equal voices in which some look calls them different.

    decisive  sentences that are no tie, at each look, those of the looks before among them
    """
    ways, before, called = {0: 1}, 0, 0.0
    for sentences in decisive:
        new = sentences - before
        reached: dict[int, int] = {}
        for wins, many in ways.items():
            for more in range(new + 1):
                reached[wins + more] = reached.get(wins + more, 0) + many * comb(new, more)
        call = {wins for wins in reached if sign_test(wins, sentences - wins).p <= alpha}
        called += sum(reached[wins] for wins in call) / 2**sentences
        ways, before = {wins: many for wins, many in reached.items() if wins not in call}, sentences
    return called


def test_equal_voices_are_told_apart_in_less_than_five_of_a_hundred_tests_over_all_looks() -> None:
    """However many sentences are ties, which moves what the exact test can call: most in steps, the worst by itself."""
    assert 0.03 < wrong_calls(LOOKS, LOOK_ALPHA) < 0.032
    worst = max(
        wrong_calls((first, second, third), LOOK_ALPHA)
        for first in range(LOOKS[0] + 1)
        for second in range(first, first + 13, 3)
        for third in range(second, second + 21, 4)
    )
    assert max(worst, wrong_calls((7, 16, 32), LOOK_ALPHA)) == pytest.approx(0.0467, abs=1e-4)


@pytest.mark.parametrize("pairs", [3, 6, 10])
def test_so_they_are_where_several_pairs_share_the_level(pairs: int) -> None:
    assert wrong_calls(LOOKS, LOOK_ALPHA / pairs) <= 0.05 / pairs
    assert wrong_calls((6, 12, 32), LOOK_ALPHA / pairs) <= 0.05 / pairs


def test_tests_that_were_set_up_for_two_looks_keep_the_level_of_two() -> None:
    assert 0.01 < wrong_calls((20, 40), ALPHA_OF_TWO_LOOKS) < 0.05


def test_wilson_interval() -> None:
    # E. B. Wilson's interval of 15 of 20 at 95 %, as in any table of it.
    result = sign_test(15, 5, 0.95)
    assert (result.share, result.low, result.high) == pytest.approx((0.75, 0.531, 0.888), abs=5e-4)
    mirrored = sign_test(5, 15, 0.95)
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((result.low, result.high))


def test_without_a_decisive_sentence_nothing_is_known() -> None:
    assert sign_test(0, 0).p == 1
    assert (sign_test(0, 0).low, sign_test(0, 0).high) == (0, 1)
    with pytest.raises(ValueError, match="at least 0"):
        sign_test(-1, 3)


@pytest.mark.parametrize(
    "given, adjusted",
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.02, 0.021], [0.04, 0.04]),
        ([0.6, 0.9, 0.001], [1.0, 1.0, 0.003]),
    ],
)
def test_holm(given: list[float], adjusted: list[float]) -> None:
    assert holm(given) == pytest.approx(adjusted)


def test_holm_never_contradicts_bonferroni_and_keeps_the_order() -> None:
    for given in product((0.001, 0.01, 0.02, 0.2), repeat=3):
        adjusted = holm(given)
        assert all(a <= min(1.0, 3 * p) + 1e-12 and a >= p for a, p in zip(adjusted, given, strict=True))
        assert sorted(range(3), key=lambda i: (given[i], i)) == sorted(
            range(3), key=lambda i: (adjusted[i], given[i], i)
        )
