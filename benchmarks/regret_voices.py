"""Made-up voices and listeners for decision_regret.py.

Quality is in points of the listeners' scale of 0 to 10. A voice has a true quality; each sentence adds something to
each voice (it says this one well and that one badly), with a standard deviation of 0.71 points, so that the difference
between two voices varies from sentence to sentence by 1 point. The share of sentences in which the better of two voices
is truly better follows from it: a difference of 0.84 points makes 80 %, one of 0.25 points 60 %.

A listener hears the difference of that sentence, and adds noise of their own (0.5 points unless told otherwise), a
taste for each voice that no other listener shares (0.1), and a liking for the side that is heard first (0.1). It is
rounded to the five answers of -2 to +2, one for each half point, so that less than a quarter is 'no difference'.

Mel CE follows true quality with a stated correlation, over voices whose qualities scatter by 0.5 points. Later voices
are better by 0.15 points on the whole: of two, the later one is the better one in 58 of 100 trials.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

NAMES = ("base", "phase1", "phase2", "phase3", "phase4")
START, SCATTER, TREND = 7.5, 0.5, 0.15
BY_SENTENCE = 1.0  # standard deviation of the difference between two voices over the sentences
STEP = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Qualities:
    """True qualities, (trials, voices), in points."""

    quality: Array


@dataclass(frozen=True)
class Listeners:
    """How many there are, and how they err; standard deviations in points."""

    count: int = 2
    noise: float = 0.5
    taste: float = 0.1
    side: float = 0.1


def two_voices(generator: np.random.Generator, trials: int, share: float) -> Qualities:
    """Two voices, of which the better one is truly better in `share` of the sentences."""
    difference = NormalDist().inv_cdf(share) * BY_SENTENCE
    later_is_better = NormalDist().cdf(TREND / (SCATTER * 2**0.5))
    better = (generator.random(trials) < later_is_better).astype(np.int64)
    quality = np.full((trials, 2), START)
    quality[np.arange(trials), better] += difference
    return Qualities(quality)


def draw_qualities(generator: np.random.Generator, trials: int, voices: int) -> Qualities:
    """Voices whose qualities scatter about a line that rises from one to the next."""
    return Qualities(START + TREND * np.arange(voices) + generator.normal(0, SCATTER, (trials, voices)))


def rate(generator: np.random.Generator, voices: Qualities, listeners: Listeners, sentences: int) -> Array:
    """Every listener's answer to every sentence of every pair, (trials, listeners, sentences, pairs), -2 to 2."""
    trials, count = voices.quality.shape
    pairs = list(combinations(NAMES[:count], 2))
    first = [NAMES.index(pair[0]) for pair in pairs]
    second = [NAMES.index(pair[1]) for pair in pairs]
    spoken = voices.quality[:, None, :] + generator.normal(0, BY_SENTENCE / 2**0.5, (trials, sentences, count))
    taste = generator.normal(0, listeners.taste, (trials, listeners.count, 1, count))
    heard = spoken[:, None] + taste
    shape = (trials, listeners.count, sentences, len(pairs))
    sides = generator.choice([-1.0, 1.0], shape)
    liking = generator.normal(0, listeners.side, (trials, listeners.count, 1, 1))
    difference = heard[..., second] - heard[..., first] + sides * liking
    difference += generator.normal(0, listeners.noise, shape) if listeners.noise else 0.0
    return np.asarray(np.clip(np.round(difference / STEP), -2, 2))


def lowest_mel_ce(generator: np.random.Generator, voices: Qualities, correlation: float) -> NDArray[np.int64]:
    """Which voice each trial ships by mel CE alone."""
    chance = generator.normal(0, (1 - correlation**2) ** 0.5, voices.quality.shape)
    mel_ce = chance - correlation * voices.quality / SCATTER
    return np.asarray(mel_ce.argmin(1))


def last_of(generator: np.random.Generator, voices: Qualities) -> NDArray[np.int64]:
    """The last voice of each trial."""
    trials, count = voices.quality.shape
    return np.full(trials, count - 1)
