"""The exact test says of how many wins what the tables say, and Holm's procedure what Holm wrote."""

from __future__ import annotations

from itertools import product

import pytest

from xtts_finetune.evaluation.statistics.sign_test import LOOK_ALPHA, holm, sign_test


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


def test_a_look_calls_16_of_20_and_28_of_40() -> None:
    assert [min(w for w in range(n) if w > n / 2 and sign_test(w, n - w).p <= LOOK_ALPHA) for n in (20, 40)] == [
        16,
        28,
    ]


def test_equal_voices_are_told_apart_in_less_than_five_of_a_hundred_tests_over_both_looks() -> None:
    # Exact: all ways through 20 sentences, then, where those do not decide, 20 more.
    def ways(wins: int, of: int) -> int:
        result = 1
        for number in range(wins):
            result = result * (of - number) // (number + 1)
        return result

    called = 0
    for first in range(21):
        if sign_test(first, 20 - first).p <= LOOK_ALPHA:
            called += ways(first, 20) * 2**20
            continue
        for second in range(21):
            wins = first + second
            if sign_test(wins, 40 - wins).p <= LOOK_ALPHA:
                called += ways(first, 20) * ways(second, 20)
    assert 0.01 < called / 2**40 < 0.05


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
