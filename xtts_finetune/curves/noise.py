"""How much a curve jumps, apart from where it goes."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from xtts_finetune.curves.line import Numbers

ODD = 3.0  # times the typical distance: a single odd value further off counts as no more than this


def local_noise(values: Numbers) -> float:
    """The standard deviation of the noise, from how far each value is from the middle of its neighbours.

    Any smooth curve cancels (Gasser, Sroka & Jennen-Steinmetz, 1986, 'Residual variance and residual pattern in
    nonlinear regression'); the median keeps single odd values out. 0 for fewer than 4 values.
    """
    if len(values) < 4:
        return 0.0
    off = (values[:-2] + values[2:]) / 2 - values[1:-1]
    return 1.4826 * float(np.median(np.abs(off))) / math.sqrt(1.5)


def spread_around(off: Numbers, chance: float) -> tuple[float, float]:
    """The standard deviation of distances from a line, and its lower confidence limit.

    Single odd distances count as three times the typical one. The limit is that of the chi-squared distribution,
    two degrees of freedom being the line's. off  (n,), n >= 3
    """
    far = np.minimum(np.abs(off), ODD * 1.4826 * float(np.median(np.abs(off))))
    free = len(off) - 2
    found = math.sqrt(float(np.sum(far**2)) / free)
    return found, found * math.sqrt(free / chi_squared(free, 1 - chance))


def chi_squared(free: int, share: float) -> float:
    """The quantile of chi-squared with `free` degrees of freedom (Wilson & Hilferty, 1931)."""
    part = 2 / (9 * free)
    return float(free * (1 - part + NormalDist().inv_cdf(share) * math.sqrt(part)) ** 3)
