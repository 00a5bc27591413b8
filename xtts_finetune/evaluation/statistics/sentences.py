"""Ratings brought to one number a sentence: listeners hear the same sentences, so their ratings are not independent.

Ratings of several listeners taken as if each were a sentence of its own called 17 % of equal voices different at a
nominal 5 %; the means of the sentences 4 %. A mark out of 10 is the mean of the sentences' means, with its interval.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from xtts_finetune.evaluation.statistics.sign_test import CONFIDENCE
from xtts_finetune.records.heard.listening import Vote

LOWEST, HIGHEST = 0.0, 10.0
# Of fewer sentences no resampling tells how sure a mean is.
FEWEST = 5
# Listeners mark in coarse steps: where all sentences have the same mark, it is known to half a point at best.
HALF_POINT = 0.5
RESAMPLES = 9_999
Pair = tuple[str, str]
OVERALL = "overall"


def preferences_by_sentence(votes: Iterable[Vote], order: Sequence[str]) -> dict[Pair, dict[str, float]]:
    """The mean preference of each sentence for each pair that was heard: above 0 the pair's second is preferred.

    A listener's votes on a sentence (of several seeds) are averaged first, then the listeners, each counting once.
    Pairs are named in `order`, whichever way round a vote names them; pairs and sentences come sorted.
    """
    heard: dict[Pair, dict[str, dict[str, list[float]]]] = {}
    place = {name: number for number, name in enumerate(order)}
    for vote in votes:
        swapped = place[vote.first] > place[vote.second]
        pair = (vote.second, vote.first) if swapped else (vote.first, vote.second)
        of_sentence = heard.setdefault(pair, {}).setdefault(vote.sentence, {})
        of_sentence.setdefault(vote.listener, []).append(-vote.preference if swapped else vote.preference)
    pairs = sorted(heard, key=lambda pair: (place[pair[0]], place[pair[1]]))
    return {pair: _means(heard[pair]) for pair in pairs}


def marks_by_sentence(votes: Iterable[Vote], candidate: str, quality: str = OVERALL) -> dict[str, float]:
    """The mean mark out of 10 of each sentence that `candidate` spoke; votes without the mark do not count."""
    heard: dict[str, dict[str, list[float]]] = defaultdict(dict)
    for vote in votes:
        mark = vote.marks.get(candidate, {}).get(quality)
        if mark is not None:
            heard[vote.sentence].setdefault(vote.listener, []).append(mark)
    return _means(heard)


def _means(heard: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """{sentence: {listener: values}} to {sentence: mean over listeners of each one's mean}."""
    return {
        sentence: fmean(fmean(values) for _, values in sorted(of_sentence.items()))
        for sentence, of_sentence in sorted(heard.items())
    }


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
        raise ValueError("expected at least one score but got none")
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
