"""Who is held back by what instruments read from its samples: by words and voice, before anybody has listened.

What a sample is worth is the share of its words that are understood, times how much its voice is like the recordings'
(1: as much as those are like each other): a voice that nobody understands is worth as little as words in another's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.verdict import the

Scores = Mapping[str, Mapping[str, Any]]

FEWEST_SAMPLES = 6
# Standard errors of the mean difference over the samples that both spoke: of 16 samples of equal models so much comes
# by chance in 1 of 40 comparisons, and of fewer more often, hence the fewest. Listeners do not hear a smaller one.
CLEAR, LEAST_DIFFERENCE = 2.5, 0.03


@dataclass(frozen=True)
class Worth:
    """Means over samples that two candidates spoke, 0 to 1; None for what no instrument read of both."""

    words: float | None
    voice: float | None

    @property
    def in_words(self) -> str:
        """'78 % of its words are understood, and its voice is like the recordings by 0.91 of 1'"""
        words = None if self.words is None else f"{100 * self.words:.0f} % of the words"
        voice = None if self.voice is None else f"{self.voice:.2f} of 1 in likeness"
        return " and ".join(part for part in (words, voice) if part)


@dataclass(frozen=True)
class Difference:
    """How much more the samples of one are worth than the same of the other: the mean, and its standard error."""

    mean: float
    error: float
    one: Worth
    other: Worth

    @property
    def clear(self) -> bool:
        """Whether the other one's are worth more, or less, by more than chance."""
        return abs(self.mean) >= max(CLEAR * self.error, LEAST_DIFFERENCE)


def held_back_by_readings(scores: Scores, may_ship: Collection[str]) -> dict[str, str]:
    """Candidates whose samples are clearly worth less than those of another one that may ship; each with why."""
    found: dict[str, str] = {}
    for name in scores:
        worse = [(other, apart) for other in may_ship if (apart := difference(scores, name, other)) is not None]
        worse = [(other, apart) for other, apart in worse if apart.clear and apart.mean < 0]
        if name != BASE and worse:
            other, apart = min(worse, key=lambda pair: pair[1].mean)
            found[name] = f"its samples reach {apart.one.in_words}, those of {the(other)} {apart.other.in_words}"
    return found


def difference(scores: Scores, name: str, other: str) -> Difference | None:
    """Of the samples that both spoke; None for a candidate and itself, and where too few were read of both."""
    if name == other or name not in scores or other not in scores:
        return None
    one, two = _samples(scores[name]), _samples(scores[other])
    both = [(one[key], two[key]) for key in one if key in two]
    words = all(pair[0].words is not None and pair[1].words is not None for pair in both)
    voice = all(pair[0].voice is not None and pair[1].voice is not None for pair in both)
    if len(both) < FEWEST_SAMPLES or not (words or voice):
        return None
    ones, twos = zip(*((_kept(a, words, voice), _kept(b, words, voice)) for a, b in both), strict=True)
    apart = [_worth(a) - _worth(b) for a, b in zip(ones, twos, strict=True)]
    return Difference(fmean(apart), stdev(apart) / len(apart) ** 0.5, _mean(ones), _mean(twos))


def _samples(scores: Mapping[str, Any]) -> dict[tuple[str, int], Worth]:
    """By sentence and seed; nothing in inputs from before instruments had a say."""
    return {(str(id_), int(seed)): Worth(words, voice) for id_, seed, words, voice in scores.get("readings") or ()}


def _kept(worth: Worth, words: bool, voice: bool) -> Worth:
    return Worth(worth.words if words else None, worth.voice if voice else None)


def _worth(each: Worth) -> float:
    return (1.0 if each.words is None else each.words) * (1.0 if each.voice is None else each.voice)


def _mean(samples: Collection[Worth]) -> Worth:
    words = [each.words for each in samples if each.words is not None]
    voices = [each.voice for each in samples if each.voice is not None]
    return Worth(fmean(words) if words else None, fmean(voices) if voices else None)
