"""How fast a curve falls and how sure that is, by a line that single odd points cannot turn, and how much it jumps."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.curves.judge import chance_of_balance, typical_distance

FAR = 3.0  # times the typical distance: a single odd value further off counts as no more than this


def local_noise(values: Numbers) -> float:
    """The standard deviation of the noise, from how far each value is from the middle of its neighbours.

    Any smooth curve cancels (Gasser, Sroka & Jennen-Steinmetz, 1986, 'Residual variance and residual pattern in
    nonlinear regression'); the median keeps single odd values out. 0 for fewer than 4 values.
    """
    if len(values) < 4:
        return 0.0
    off = (values[:-2] + values[2:]) / 2 - values[1:-1]
    return typical_distance(off) / math.sqrt(1.5)


def spread_around(off: Numbers, chance: float) -> tuple[float, float]:
    """The standard deviation of distances from a line, and its lower confidence limit.

    Single odd distances count as three times the typical one. The limit is that of the chi-squared distribution,
    two degrees of freedom being the line's. off  (n,), n >= 3
    """
    far = np.minimum(np.abs(off), FAR * typical_distance(off))
    free = len(off) - 2
    found = math.sqrt(float(np.sum(far**2)) / free)
    return found, found * math.sqrt(free / chi_squared(free, 1 - chance))


def chi_squared(free: int, share: float) -> float:
    """The quantile of chi-squared with `free` degrees of freedom (Wilson & Hilferty, 1931)."""
    part = 2 / (9 * free)
    return float(free * (1 - part + NormalDist().inv_cdf(share) * math.sqrt(part)) ** 3)


Numbers = NDArray[np.float64]

EXACT_UP_TO = 30  # values; beyond, Kendall's distribution is as good as normal
FEWEST_FOR_MEMORY = 15  # values; of fewer, how noise remembers itself cannot be told
ODD = 4.0  # standard deviations: a single value further off counts as no more than this
MOST_MEMORY = 0.8  # of noise; what remembers more is no noise but a movement


@dataclass(frozen=True)
class Line:
    """A straight line through points: slopes are in the value's unit per unit of position.

    `low` and `high` are the one-sided confidence limits of the slope, each with the same chance of being wrong;
    infinite where there are too few points for that. `level` is the line's value at the last position, `noise`
    the standard deviation of the points around the line as if Gaussian (1.4826 x the median distance), `memory`
    the correlation of a point's noise with the one before it, 0 where that could be chance.
    """

    slope: float
    low: float
    high: float
    level: float
    noise: float
    memory: float
    points: int


def line_through(positions: Numbers, values: Numbers, chance: float) -> Line:
    """The line whose slope is the median of the slopes between all pairs (Theil, 1950; Sen, 1968).

    Its limits are those that Sen derives from Kendall's distribution, exact for up to 30 points. Noise that
    remembers itself makes points count for fewer than they are: the variance of Kendall's sum grows by
    (1 + memory) / (1 - memory) (Bayley & Hammersley, 1946; Yue & Wang, 2004), where the memory is more than
    chance, as Hamed & Rao (1998) have it.
    positions, values  (n,), n >= 2, positions rising
    """
    count = len(values)
    first, second = np.triu_indices(count, 1)
    slopes = np.sort((values[second] - values[first]) / (positions[second] - positions[first]))
    slope = float(np.median(slopes))
    offset = float(np.median(values - slope * positions))
    around = values - slope * positions - offset
    noise = typical_distance(around)
    memory = memory_of(positions, np.clip(around, -ODD * noise, ODD * noise))
    spread = critical_balance(count, chance) * math.sqrt((1 + memory) / (1 - memory))
    # Of N slopes in order, the limits are those at (N - spread) / 2 from either end.
    beyond = math.floor((len(slopes) - spread) / 2) if math.isfinite(spread) else 0
    low, high = (-math.inf, math.inf)
    if beyond >= 1:
        low, high = float(slopes[beyond - 1]), float(slopes[-beyond])
    return Line(slope, low, high, slope * float(positions[-1]) + offset, noise, memory, count)


def memory_of(positions: Numbers, values: Numbers) -> float:
    """The correlation of what neighbouring values have apart from a smooth course; 0 where it could be chance.

    The smooth course is the closest cubic: what bends is no noise. Taking k = 4 coefficients away makes the
    estimate from n values too low by about k (1 + r) / n (after Marriott & Pope, 1954), which is put back.
    """
    count = len(values)
    if count < FEWEST_FOR_MEMORY:
        return 0.0
    smooth = polynomials(positions)
    around = values - smooth @ (smooth.T @ values)
    total = float(np.sum(around**2))
    if total <= 1e-24 * float(np.sum(values**2)) or total == 0.0:
        return 0.0
    found = float(np.sum(around[1:] * around[:-1])) / total
    found = (count * found + 4) / (count - 4)
    by_chance = NormalDist().inv_cdf(0.95) * math.sqrt(count) / (count - 4)
    return min(found, MOST_MEMORY) if found > by_chance else 0.0


def polynomials(positions: Numbers) -> Numbers:
    """Polynomials of degree 0 to 3 at the positions, (n, 4), orthogonal to each other and of length 1."""
    place = 2 * (positions - positions[0]) / (positions[-1] - positions[0]) - 1
    basis: Numbers = np.linalg.qr(np.vander(place, 4, increasing=True))[0]
    return basis


@lru_cache(maxsize=512)
def critical_balance(count: int, chance: float) -> float:
    """By how much rising pairs of `count` values in random order outnumber falling ones with this one-sided chance.

    Infinite where no order is that rare.
    """
    pairs = count * (count - 1) // 2
    if count > EXACT_UP_TO:
        return NormalDist().inv_cdf(1 - chance) * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    balances = range(pairs % 2, pairs + 1, 2)
    # The chance only falls with the balance, and each costs an exact distribution: halve, do not walk.
    rare = bisect_left(balances, True, key=lambda balance: chance_of_balance(count, balance) <= chance)
    # Sen's limits leave out the slopes whose balance would be as rare as this.
    return float(balances[rare] - 2) if rare < len(balances) else math.inf


def as_numbers(values: Any) -> Numbers:
    """A sequence as an array of float64."""
    return np.asarray(values, dtype=np.float64)
