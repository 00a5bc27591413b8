"""A mark with its interval: repeatable, right as often as it says, and honest where little is known."""

from __future__ import annotations

import numpy as np
import pytest

from xtts_finetune.evaluation.statistics.sentences import Interval, mark_interval


@pytest.mark.parametrize(
    "values, low, high",
    [
        ([9.0], 0, 10),
        ([9.0, 9.5, 8.0, 9.0], 0, 10),
        ([9.0] * 5, 8.5, 9.5),
        ([9.8] * 20, 9.3, 10),
        ([0.0] * 20, 0, 0.5),
    ],
)
def test_where_nothing_can_be_resampled(values: list[float], low: float, high: float) -> None:
    assert mark_interval(values, 1) == Interval(pytest.approx(np.mean(values)), pytest.approx(low), high)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = list(np.random.default_rng(1).uniform(6, 10, 20))
    assert mark_interval(values, 7) == mark_interval(values, 7)
    assert mark_interval(values, 7) != mark_interval(values, 8)


def test_a_skewed_mark_has_a_skewed_interval() -> None:
    # Most sentences are fine and two are ruined: the mean may be far lower than it is, hardly higher.
    interval = mark_interval([9.5] * 18 + [2.0, 3.0], 1)
    assert interval.mean - interval.low > 1.5 * (interval.high - interval.mean)
    assert interval.high <= 10


@pytest.mark.parametrize("outlier", [0.0, 10.0])
def test_one_odd_sentence_is_no_obstacle(outlier: float) -> None:
    interval = mark_interval([8.0] * 19 + [outlier], 1)
    assert interval.low <= interval.mean <= interval.high
    assert interval.low < interval.high


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    truth, tests, held = 7.5, 60, 0
    for number in range(tests):
        marks = np.clip(np.round(generator.normal(truth, 1.2, 20)), 0, 10)
        interval = mark_interval([float(mark) for mark in marks], number)
        held += interval.low <= truth <= interval.high
    assert held >= 0.88 * tests
