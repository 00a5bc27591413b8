"""Marks and cuts of a race, and what it may cost."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtts_finetune.trials.judging import (
    FEWEST_EVALS,
    better_half,
    earliest,
    marks_of,
    most_evals,
    rounds_of,
    the_best,
    why_over,
)


@pytest.mark.parametrize(
    ("trials", "evals", "warmup", "marks"),
    [
        (6, 16, 0, (2, 4, 8, 16)),
        (6, 8, 0, (2, 4, 8)),  # a mark after one evaluation would be decided by noise
        (8, 16, 3, (4, 8, 16)),  # none before the warm-up is over and something was measured after it
        (6, 16, 16, (16,)),
        (2, 16, 0, (8, 16)),
        (1, 16, 0, (16,)),
        (6, 1, 0, (1,)),
        (5, 11, 0, (2, 3, 6, 11)),
    ],
)
def test_marks(trials: int, evals: int, warmup: int, marks: tuple[int, ...]) -> None:
    assert marks_of(trials, evals, warmup) == marks


@pytest.mark.parametrize("seed", range(200))
def test_marks_rise_to_the_end_and_none_is_early(seed: int) -> None:
    chance = random.Random(seed)
    trials, evals, warmup = chance.randint(1, 12), chance.randint(1, 60), chance.randint(0, 20)
    marks = marks_of(trials, evals, warmup)
    assert marks[-1] == evals
    assert list(marks) == sorted(set(marks))
    assert all(mark >= max(FEWEST_EVALS, warmup + 1) for mark in marks[:-1])


def test_the_better_half_is_rounded_up_and_what_is_no_number_is_out() -> None:
    assert better_half({"a": 3.0, "b": 1.0, "c": 2.0}) == ["b", "c"]
    assert better_half({"a": math.nan, "b": 1.0, "c": math.inf, "d": 2.0}) == ["b", "d"]
    assert better_half({"a": math.nan, "b": math.inf}) == []
    assert better_half({"b": 1.0, "a": 1.0}) == ["b"]


# The five usual ones and the two that a plateau adds, the five alone, three that somebody kept, more than there are.
@pytest.mark.parametrize(
    ("trials", "evals", "marks", "cut", "cost"),
    [
        (7, 20, (2, 4, 20), 3, 56),  # 20 of the control, 7 x 2, 3 x 2, 1 x 16
        (7, 16, (2, 4, 16), 3, 48),
        (7, 48, (4, 8, 16, 48), 2, 140),  # a longer race can afford halves
        (5, 20, (2, 4, 8, 20), 2, 56),
        (3, 16, (5, 10, 16), 2, 47),  # few begin to leave late
        (12, 24, (2, 4, 24), 6, 72),
        (1, 16, (16,), 2, 32),
    ],
)
def test_rounds_of_a_race(trials: int, evals: int, marks: tuple[int, ...], cut: int, cost: int) -> None:
    rounds = rounds_of(trials, evals, warmup_evals=1)
    assert (rounds.marks, rounds.cut, rounds.cost(trials)) == (marks, cut, cost)
    assert cost <= 0.6 * 5 * evals


@pytest.mark.parametrize(
    ("trials", "evals", "warmup", "said"),
    [
        (12, 16, 1, "12 remedies cannot be dropped before evaluation 2 of 16, because two evaluations have"),
        (7, 16, 6, "7 remedies cannot be dropped before evaluation 7 of 16, because the longest warm-up has"),
        (5, 16, 16, "5 remedies cannot be dropped before evaluation 16 of 16, because the longest warm-up"),
        (7, 16, 1, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_held_is_said(trials: int, evals: int, warmup: int, said: str) -> None:
    words = why_over(trials, evals, warmup)
    assert words.startswith(said)
    assert bool(words) == bool(said)


def trained(values: dict[str, float], evals: int, warmup: int) -> tuple[int, list[int]]:
    """The evaluations that a race trains, played through: all of them, and how far each trial went."""
    rounds, racing, before = rounds_of(len(values), evals, warmup), list(values), 0
    went = dict.fromkeys(values, 0)
    for mark in rounds.marks:
        for name in racing:
            went[name] += mark - before
        before = mark
        if mark != evals:
            racing = the_best({name: values[name] for name in racing}, rounds.stay(len(racing)))
    return evals + sum(went.values()), sorted(went.values())


@given(
    st.lists(st.floats(2.0, 4.0) | st.just(math.nan), min_size=1, max_size=14),
    st.integers(8, 200),
    st.integers(0, 30),
)
def test_a_race_of_whatever_size_costs_what_it_may_or_says_why(ends: list[float], evals: int, warmup: int) -> None:
    values = {str(number): end for number, end in enumerate(ends)}
    rounds = rounds_of(len(values), evals, warmup)
    spent, went = trained(values, evals, warmup)
    assert spent <= rounds.cost(len(values)), "the cost is counted beforehand, and never exceeded"
    assert (rounds.cost(len(values)) > most_evals(evals)) == bool(why_over(len(values), evals, warmup))
    assert rounds.marks[-1] == evals
    assert list(rounds.marks) == sorted(set(rounds.marks))
    assert all(mark >= earliest(warmup) for mark in rounds.marks[:-1])
    assert went[0] >= min(evals, earliest(warmup)), "nobody is judged before"
    if all(math.isfinite(end) for end in ends):
        assert went[-1] == evals, "one remedy goes to the end beside the control"


@given(st.integers(2, 9), st.integers(16, 200), st.integers(0, 1))
def test_with_sixteen_evaluations_up_to_nine_remedies_are_always_within_the_bound(
    trials: int, evals: int, warmup: int
) -> None:
    assert why_over(trials, evals, warmup) == ""


@given(st.integers(2, 14), st.integers(8, 200), st.integers(0, 30))
def test_the_cut_is_the_gentlest_that_the_bound_allows(trials: int, evals: int, warmup: int) -> None:
    rounds = rounds_of(trials, evals, warmup)
    first = earliest(warmup)
    for cut in range(2, rounds.cut):
        left, mark, before, spent = trials, first, 0, evals
        while mark < evals and left > 1:
            spent, left, before, mark = spent + left * (mark - before), -(-left // cut), mark, 2 * mark
        assert spent + left * (evals - before) > most_evals(evals)
