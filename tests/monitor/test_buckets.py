"""Curves in bounded memory: means, extremes, and no spike lost."""

from __future__ import annotations

import numpy as np
import pytest

from xtts_finetune.monitor.buckets import Buckets


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_means_and_extremes_are_those_of_all_values_however_they_came(pieces: int) -> None:
    values = np.random.default_rng(1).normal(3, 0.2, 100_003)
    steps = np.arange(1, len(values) + 1, dtype=float)
    buckets = Buckets(512)
    for part in np.array_split(np.arange(len(values)), pieces):
        buckets.extend(steps[part], values[part])
    points = buckets.points()
    assert 256 <= len(points) <= 512
    width = 256  # 100 003 values in at most 512 stretches of a power of two
    for number in (0, 17, len(points) - 1):
        part = values[number * width : (number + 1) * width]
        assert points[number] == pytest.approx(
            (min((number + 1) * width, 100_003), part.min(), part.mean(), part.max()), rel=1e-4
        )


def test_a_spike_of_one_step_in_a_million_stays_to_be_seen() -> None:
    values = np.full(1_000_000, 2.0)
    values[123_456] = 90.0
    buckets = Buckets()
    buckets.extend(np.arange(1.0, 1_000_001.0), values)
    spikes = [point for point in buckets.points() if point[3] == 90.0]
    assert len(buckets) <= 512 and len(spikes) == 1 and spikes[0][0] >= 123_457 > spikes[0][0] - 2048


def test_values_that_are_no_number_leave_a_hole_and_spoil_no_mean() -> None:
    buckets = Buckets(4)
    buckets.extend(np.arange(1.0, 5.0), np.array([1.0, np.nan, np.inf, 3.0]))
    assert buckets.points() == [(1, 1, 1, 1), (2, None, None, None), (3, None, None, None), (4, 3, 3, 3)]
    buckets.extend(np.array([5.0]), np.array([5.0]))
    assert [point[2] for point in buckets.points()] == [1.0, 3.0, 5.0]


@pytest.mark.parametrize("at_once", [False, True])
def test_steps_that_are_done_again_take_the_place_of_the_old_ones(at_once: bool) -> None:
    buckets = Buckets(100)
    steps, values = [np.arange(1.0, 11.0), np.arange(6.0, 9.0)], [np.full(10, 1.0), np.full(3, 2.0)]
    if at_once:
        steps, values = [np.concatenate(steps)], [np.concatenate(values)]
    for some, of_them in zip(steps, values, strict=True):
        buckets.extend(some, of_them)
    assert [(point[0], point[2]) for point in buckets.points()] == [
        *((float(step), 1.0) for step in range(1, 6)),
        *((float(step), 2.0) for step in range(6, 9)),
    ]
