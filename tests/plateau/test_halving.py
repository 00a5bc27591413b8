"""Marks and halves of a race."""

from __future__ import annotations

import math
import random

import pytest

from xtts_finetune.plateau.halving import FEWEST_EVALS, better_half, marks_of


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
