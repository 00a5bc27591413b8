"""How fast a voice speaks, in characters a second, and how fast it may."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.spec.utterances import has_words

# Characters a second, for any voice and language: slow Mandarin, of one character a syllable, and hasty Spanish,
# of 8 syllables of less than 3 letters (5.2 and 7.8 syllables a second: Pellegrino, Coupé and Marsico 2011).
SLOWEST_PACE, FASTEST_PACE = 2.5, 30.0
# How far a pace may be from the voice's usual one, as a factor: three deviations of its clips, within these.
# Half and double speed are always beyond; the sentences of one reader differ by 1.3 either way.
PACE_FACTOR = (1.4, 1.7)
# Fewer clips do not say what a voice's usual pace is.
CLIPS_FOR_A_PACE = 8
# A digit is spoken as a word of about four letters.
CHARACTERS_OF_A_DIGIT = 4
# '1,000,000' is two words and '777' up to thirty letters: with more digits than this share of the characters, the
# length of a text could be wrong by more than `PACE_FACTOR`.
MOST_DIGITS = 1 / 3


@dataclass(frozen=True)
class Pace:
    """Characters a second, as `spoken_characters` counts them, that are neither too slow nor too fast."""

    slowest: float = SLOWEST_PACE
    fastest: float = FASTEST_PACE

    @classmethod
    def of(cls, clips: Sequence[tuple[str, float]]) -> Pace:
        """The pace of a voice from (text, seconds) of its recordings; any voice's if there are too few."""
        rates = [spoken_characters(text) / seconds for text, seconds in clips if seconds > 0]
        logs = np.log([rate for rate in rates if rate > 0])
        if len(logs) < CLIPS_FOR_A_PACE:
            return cls()
        usual = float(np.median(logs))
        deviation = 1.4826 * float(np.median(np.abs(logs - usual)))  # of a normal distribution, from its MAD
        factor = float(np.clip(np.exp(3.0 * deviation), *PACE_FACTOR))
        return cls(
            slowest=max(float(np.exp(usual)) / factor, SLOWEST_PACE),
            fastest=min(float(np.exp(usual)) * factor, FASTEST_PACE),
        )

    def at(self, speed: float) -> Pace:
        """The pace of speech that is asked to be `speed` times as fast."""
        return Pace(self.slowest * speed, self.fastest * speed)


def spoken_characters(text: str) -> int:
    """Letters with their marks, spaces inside and digits, which count as words; no punctuation. 0 without a word."""
    if not has_words(text):
        return 0
    kinds = [unicodedata.category(character)[0] for character in text.strip()]
    return sum(CHARACTERS_OF_A_DIGIT if kind == "N" else 1 for kind in kinds if kind in "LMNZ")


def tells_its_length(text: str) -> bool:
    """Whether the characters of `text` tell how long it is when spoken: it has words, and few of them are digits."""
    digits = sum(unicodedata.category(character)[0] == "N" for character in text)
    characters = spoken_characters(text)
    return characters > 0 and digits * CHARACTERS_OF_A_DIGIT <= MOST_DIGITS * characters


def paces_of(clips: Iterable[ClipRecord]) -> dict[str, Pace]:
    """The pace of a voice in each language of its clips."""
    spoken: dict[str, list[tuple[str, float]]] = {}
    for clip in clips:
        spoken.setdefault(clip.language, []).append((clip.text, clip.seconds))
    return {language: Pace.of(pairs) for language, pairs in spoken.items()}
