"""A mark out of 10 with its interval: the mean of the sentences' means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from xtts_finetune.evaluation.statistics.looks import CONFIDENCE

LOWEST, HIGHEST = 0.0, 10.0
# Of fewer sentences no resampling tells how sure a mean is.
FEWEST = 5
# Listeners mark in coarse steps: where all sentences have the same mark, it is known to half a point at best.
HALF_POINT = 0.5
RESAMPLES = 9_999


@dataclass(frozen=True)
class Interval:
    """A mean with the ends of its confidence interval."""

    mean: float
    low: float
    high: float


def mark_interval(values: Sequence[float], seed: int, confidence: float = CONFIDENCE) -> Interval:
    """Mean of the sentences' marks with its BCa bootstrap interval, which corrects for bias and skew.

    values  one mark a sentence, 0 to 10; at least one, else ValueError
    seed    of the resampling: the same seed and values give the same interval

    Of fewer than 5 sentences the interval is the whole scale, of equal marks half a point to either side.
    (B. Efron, 1987, 'Better bootstrap confidence intervals', JASA 82; scipy.stats.bootstrap)
    """
    if not values:
        raise ValueError("expected at least one mark but got none")
    mean = fmean(values)
    if len(values) < FEWEST:
        return Interval(mean, LOWEST, HIGHEST)
    if max(values) - min(values) < 1e-9:
        return _clipped(mean, mean - HALF_POINT, mean + HALF_POINT)
    import numpy as np  # noqa: PLC0415  (only where there are ratings)
    from scipy.stats import bootstrap  # noqa: PLC0415  heavy

    result = bootstrap(
        (np.asarray(values, dtype=np.float64),),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=confidence,
        method="BCa",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    low, high = float(result.low), float(result.high)
    if not (math.isfinite(low) and math.isfinite(high)):
        return _clipped(mean, mean - HALF_POINT, mean + HALF_POINT)
    return _clipped(mean, low, high)


def _clipped(mean: float, low: float, high: float) -> Interval:
    return Interval(mean, max(LOWEST, low), min(HIGHEST, high))
