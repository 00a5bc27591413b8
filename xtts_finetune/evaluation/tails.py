"""Noise after the last word, XTTS's oldest fault and most frequent after short texts: cut off by rule.

Speech ends with a vowel or a nasal, or with consonants that take half a second at the very most ('Sixth.', said
slowly). Sound that goes on for longer after the last voiced frame is no speech.
"""

from __future__ import annotations

import numpy as np

from xtts_finetune.evaluation.instruments.frames import HOP_SECONDS, Wave, frames_of

KEPT_SECONDS = 0.5
FADE_SECONDS = 0.05


def without_tail(wave: Wave, rate: int) -> Wave:
    """(samples,) without what sounds on after the last voiced frame for longer than speech does; itself otherwise."""
    end = _end_of_speech(wave, rate)
    return wave if end is None or end >= len(wave) else _faded(wave[:end], rate)


def _end_of_speech(wave: Wave, rate: int) -> int | None:
    """The sample up to which there may be speech; None where there is no voice, or nothing sounds beyond it."""
    frames = frames_of(wave, rate)
    voiced = np.flatnonzero(frames.voiced)
    if not len(voiced):
        return None
    last = int(voiced[-1]) + round(KEPT_SECONDS / HOP_SECONDS)
    return round(last * HOP_SECONDS * rate) if frames.audible[last:].any() else None


def _faded(wave: Wave, rate: int) -> Wave:
    """Ending in silence, so that nothing clicks."""
    count = min(round(FADE_SECONDS * rate), len(wave))
    faded = wave.copy()
    faded[len(wave) - count :] *= np.linspace(1.0, 0.0, count, dtype=np.float32)
    return faded


class WithoutTail:
    """The same for sound that comes in parts: what may be such a tail is held back until there is speech again."""

    def __init__(self, rate: int) -> None:
        self._rate, self._given = rate, 0
        self._wave: Wave = np.zeros(0, dtype=np.float32)

    def more(self, part: Wave) -> Wave:
        """What of the sound so far is certain to stay, and was not given yet."""
        self._wave = np.concatenate([self._wave, part])
        voiced = np.flatnonzero(frames_of(self._wave, self._rate).voiced)
        certain = (int(voiced[-1]) * HOP_SECONDS + KEPT_SECONDS - FADE_SECONDS) * self._rate if len(voiced) else 0.0
        return self._until(min(round(certain), len(self._wave)))

    def rest(self) -> Wave:
        """What is left when all has come."""
        self._wave = without_tail(self._wave, self._rate)
        return self._until(len(self._wave))

    def _until(self, end: int) -> Wave:
        start, self._given = self._given, max(self._given, end)
        return self._wave[start : self._given]
