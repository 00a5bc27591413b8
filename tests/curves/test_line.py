"""The statistics, against scipy's and against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xtts_finetune.curves.line import chi_squared, critical_balance, line_through, local_noise, memory_of


def made(count: int, memory: float, seed: int, slope: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    noise = chance.standard_normal(count)
    for now in range(1, count):
        noise[now] = memory * noise[now - 1] + np.sqrt(1 - memory**2) * noise[now]
    at = np.arange(count, dtype=np.float64)
    return at, 3.0 + slope * at + 0.01 * noise


@pytest.mark.parametrize("count", [8, 20, 50])
def test_the_slope_is_theil_and_sens(count: int) -> None:
    at, values = made(count, 0.0, count, -0.01)
    ours, theirs = line_through(at, values, 0.05), stats.theilslopes(values, at, 0.90)
    assert ours.slope == pytest.approx(theirs.slope)
    if ours.memory == 0:
        assert ours.low == pytest.approx(theirs.low_slope, abs=2e-4)
        assert ours.high == pytest.approx(theirs.high_slope, abs=2e-4)


@pytest.mark.parametrize("count", [4, 6, 8])
def test_the_critical_balance_is_the_exact_one(count: int) -> None:
    pairs = count * (count - 1) // 2
    balance = int(critical_balance(count, 0.05))
    # scipy's exact Kendall is two-sided: the next balance up is as rare as one in twenty on one side.
    tau = (balance + 2) / pairs
    order = next(o for o in orders(count) if abs(stats.kendalltau(range(count), o).statistic - tau) < 1e-9)
    assert stats.kendalltau(range(count), order, method="exact", alternative="greater").pvalue <= 0.05
    assert critical_balance(3, 0.05) == float("inf")


def orders(count: int):  # type: ignore[no-untyped-def]
    from itertools import permutations

    return permutations(range(count))


@pytest.mark.parametrize(("count", "memory", "wrong"), [(8, 0.0, 0.07), (24, 0.0, 0.08), (40, 0.5, 0.13)])
def test_the_limits_hold_as_often_as_they_say(count: int, memory: float, wrong: float) -> None:
    """Each limit is wrong once in twenty; with noise that remembers itself, not much oftener."""
    lines = [line_through(*made(count, memory, seed, -0.001), 0.05) for seed in range(400)]
    assert np.mean([found.high < -0.001 for found in lines]) <= wrong
    assert np.mean([found.low > -0.001 for found in lines]) <= wrong


def test_memory_is_found_where_there_is_some() -> None:
    with_memory = [memory_of(*made(60, 0.6, seed)) for seed in range(100)]
    without = [memory_of(*made(60, 0.0, seed)) for seed in range(100)]
    assert np.median(with_memory) == pytest.approx(0.6, abs=0.15)
    assert np.mean([found > 0 for found in without]) < 0.12


def test_a_bend_is_no_memory() -> None:
    at = np.arange(30, dtype=np.float64)
    chance = np.random.default_rng(3)
    found = [memory_of(at, 3 + 0.002 * (at - 30) ** 2 + 0.01 * chance.standard_normal(30)) for _ in range(100)]
    assert np.mean([one > 0 for one in found]) < 0.12


def test_local_noise_sees_no_trend_and_no_odd_one() -> None:
    at, values = made(200, 0.0, 5)
    values = values + 4 * np.exp(-at / 40)
    values[50] += 3
    assert local_noise(values) == pytest.approx(0.01, rel=0.25)


@pytest.mark.parametrize("free", [4, 10, 40])
def test_chi_squared(free: int) -> None:
    assert chi_squared(free, 0.9) == pytest.approx(stats.chi2.ppf(0.9, free), rel=0.01)
