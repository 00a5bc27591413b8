"""Who wins: tables of pairs and the answer."""

from __future__ import annotations

import pytest

from xtts_finetune.evaluation.statistics.preferences import Counts, Rule, compare, unbeaten, winner

Pairs = dict[tuple[str, str], Counts]
CLEAR, SOME, EVEN = Counts(1, 19), Counts(6, 14), Counts(10, 10)
LOST = Counts(19, 1)


@pytest.mark.parametrize(
    "counts, wins, level",
    [
        ({("a", "b"): Counts(4, 16)}, "b", ["b"]),
        ({("a", "b"): Counts(16, 4)}, "a", ["a"]),
        ({("a", "b"): Counts(5, 15)}, None, ["a", "b"]),  # p = 0.041 is more than a look allows
        ({("a", "b"): Counts(0, 0, 20)}, None, ["a", "b"]),
        ({("a", "b"): Counts(1, 9, 10)}, "b", ["b"]),  # ties are left out
        ({("a", "b"): Counts(2, 8, 10)}, None, ["a", "b"]),
        ({("a", "b"): CLEAR, ("a", "c"): CLEAR, ("b", "c"): CLEAR}, "c", ["c"]),
        ({("a", "b"): CLEAR, ("a", "c"): CLEAR, ("b", "c"): EVEN}, None, ["b", "c"]),
        ({("a", "b"): CLEAR, ("a", "c"): SOME, ("b", "c"): CLEAR}, "c", ["c"]),  # over b, c is better than a
        ({("a", "b"): CLEAR, ("a", "c"): EVEN, ("b", "c"): EVEN}, None, ["b", "c"]),
        ({("a", "b"): CLEAR, ("a", "c"): LOST, ("b", "c"): CLEAR}, None, ["a", "b", "c"]),  # a ring
        ({("a", "b"): CLEAR, ("b", "c"): CLEAR}, "c", ["c"]),  # not every pair was heard
        ({("a", "b"): CLEAR}, None, ["b", "c"]),  # c was not heard against them
    ],
)
def test_who_wins(counts: Pairs, wins: str | None, level: list[str]) -> None:
    names = sorted({name for pair in counts for name in pair} | set(level))
    preferences = compare(counts)
    assert winner(preferences, names) == wins
    assert list(unbeaten(preferences, names)) == level


def test_more_pairs_ask_for_more() -> None:
    alone = compare({("a", "b"): Counts(4, 16)})
    among_three = compare({("a", "b"): Counts(4, 16), ("a", "c"): EVEN, ("b", "c"): EVEN})
    assert (alone[0].significant, among_three[0].significant) == (True, False)
    assert among_three[0].p_holm == pytest.approx(3 * among_three[0].p)


def test_the_winner_and_the_base_are_a_question_of_its_own_after_the_first() -> None:
    first, with_base = ("phase1", "phase2"), ("base", "phase2")
    counts = {first: Counts(4, 16), with_base: Counts(4, 16)}
    assert not any(each.significant for each in compare(counts))
    told = compare(counts, {with_base: Rule(family="test-1")})
    assert [each.significant for each in told] == [True, True]


def test_old_tests_of_two_looks_keep_their_level() -> None:
    pair = ("a", "b")
    assert not compare({pair: Counts(7, 19)})[0].significant  # p = 0.029
    assert compare({pair: Counts(7, 19)}, {pair: Rule(0.0294)})[0].significant


def test_nothing_is_significant_between_the_looks() -> None:
    (pair,) = compare({("a", "b"): Counts(0, 13)}, {("a", "b"): Rule(at_a_look=False)})
    assert pair.p < 0.001
    assert (pair.significant, pair.preferred) == (False, None)


def test_a_winner_among_some_of_them() -> None:
    preferences = compare({("a", "b"): CLEAR, ("a", "c"): CLEAR, ("b", "c"): CLEAR})
    assert winner(preferences, ["a", "b"]) == "b"
    assert winner(preferences, ["a"]) == "a"
    assert winner(preferences, []) is None
