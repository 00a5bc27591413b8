"""Where a recording is silent enough to be cut: the level there against that of the speech around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.recordings.sound.envelope import Envelope
from xtts_finetune.records.stretches import Word

Levels = NDArray[np.float32]
Spans = Sequence[tuple[float, float]]

# A pause is at least so long, and all of it so far beneath the speech to its left, to its right and in all.
SHORTEST_PAUSE = 0.1
BENEATH_SPEECH_DB = 33.0
# A recording with noise throughout has no such pause: there a pause is where nothing but the noise is left.
_NOISE_SWINGS_DB = 4.0
_NOISE_BENEATH_SPEECH_DB = 6.0
# There the soft end of a word is lost in the noise: a pause is longer, and more of it stays with the words.
_PAUSE_IN_NOISE = 0.25
_MARGIN, _MARGIN_IN_NOISE = 0.06, 0.2
# The noise is that of many minutes: music under a passage is not the recording's noise.
_NOISE_SECONDS = 600.0
_NOISE_PERCENTILE = 5.0
# The end of a word may be softer than what counts as sound.
_FADING_DB, _FADING_SECONDS = 9.0, 0.2
# Speech that counts: above this, beneath the level of its word; so much of it to either side of a moment.
_SPOKEN_DB = 25.0
_AROUND_SECONDS = 4.0
# Where nobody speaks: as loud as people are in recordings.
_USUAL_SPEECH_DB = -25.0


@dataclass(frozen=True)
class Pause:
    """Silence between two sounds, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True)
class Loudness:
    """A recording's levels, (frames,) in dB, with what is silence and what is speech at each moment.

    silence  what is beneath it may be a pause      fading  what is above it near a sound is its beginning or its end
    noisy    (frames,) whether silence is but the recording's own noise, less far beneath the speech
    """

    level: Levels
    silence: Levels
    fading: Levels
    speech: Levels
    noisy: NDArray[np.bool_]
    step: float

    def frames(self, start: float, end: float) -> slice:
        """The frames that lie, at least in part, between two moments."""
        return slice(max(0, int(start / self.step + 1e-6)), max(0, int(np.ceil(end / self.step - 1e-6))))

    def level_at(self, moment: float) -> float:
        """The level at a moment."""
        return float(self.level[min(int(moment / self.step), len(self.level) - 1)])

    def sound(self, start: float, end: float) -> float:
        """Seconds of sound between two moments."""
        here = self.frames(start, end)
        return float(np.count_nonzero(self.level[here] >= self.silence[here])) * self.step

    def beneath_speech(self, start: float, end: float) -> float:
        """How many dB the sound between two moments lies beneath the speech around it."""
        here = self.frames(start, end)
        if here.stop <= here.start or here.start >= len(self.level):
            return float("inf")
        return float(self.speech[here].max() - _decibels(np.mean(_power(self.level[here]))))

    def before(self, moment: float) -> float:
        """Seconds before a sound begins that belong to it: as long as it can be heard, and a little silence."""
        here = self.frames(moment - _FADING_SECONDS, moment)
        return self._fading(here, -1) + self._margin(here)

    def behind(self, moment: float) -> float:
        """Seconds behind the end of a sound that belong to it."""
        here = self.frames(moment, moment + _FADING_SECONDS)
        return self._fading(here, 1) + self._margin(here)

    def _fading(self, here: slice, direction: int) -> float:
        soft = np.flatnonzero((self.level[here] > self.fading[here])[::direction])
        return float(soft[-1] + 1) * self.step if len(soft) else 0.0

    def _margin(self, here: slice) -> float:
        return _MARGIN_IN_NOISE if self.noisy[here].any() else _MARGIN

    def quietest(self, start: float, end: float) -> float:
        """The quietest moment between two; of several the one nearest to their middle."""
        here = self.frames(start, end)
        levels = self.level[here]
        if not len(levels):
            return (start + end) / 2
        smooth = _smoothed(_power(levels))
        middles = (np.arange(here.start, here.start + len(levels)) + 0.5) * self.step
        near = smooth <= smooth.min() * 1.26  # within 1 dB
        return float(min(middles[near], key=lambda moment: abs(moment - (start + end) / 2)))


def loudness_of(envelope: Envelope, words: Sequence[Word], speech: Spans) -> Loudness:
    """What is silence and what is speech at each moment; `speech` where the recogniser heard no words."""
    level = envelope.level_db
    said = _said(level, [(word.start, word.end) for word in words] or speech, envelope.step)
    around = _speech_around(level, said, round(_AROUND_SECONDS / envelope.step))
    smooth = _decibels(_smoothed(_power(level)))
    noise = _noise(smooth, round(_NOISE_SECONDS / envelope.step)) + _NOISE_SWINGS_DB
    silence = around - BENEATH_SPEECH_DB
    noisy = (noise > silence) & (noise <= around - _NOISE_BENEATH_SPEECH_DB)
    silence = np.where(noisy, noise, silence)
    fading = np.minimum(silence, np.maximum(silence - _FADING_DB, noise))
    return Loudness(np.where(noisy, smooth, level), silence, fading, around, noisy, envelope.step)


def pauses_of(loudness: Loudness) -> list[Pause]:
    """Every pause, in its order; silence at the beginning and at the end of the recording as well."""
    quiet = np.concatenate([[False], loudness.level < loudness.silence, [False]])
    edges = np.flatnonzero(quiet[1:] != quiet[:-1]).reshape(-1, 2)
    return [
        Pause(float(start * loudness.step), float(end * loudness.step))
        for start, end in edges
        if (end - start) * loudness.step > (_PAUSE_IN_NOISE if loudness.noisy[start] else SHORTEST_PAUSE) - 1e-6
    ]


def _said(level: Levels, spans: Spans, step: float) -> NDArray[np.bool_]:
    """Which frames are speech: within the spans, and not a pause within them."""
    said = np.zeros(len(level), dtype=bool)
    for start, end in spans:
        here = slice(max(0, int(start / step)), max(0, int(end / step) + 1))
        if len(level[here]):
            said[here] |= level[here] > _decibels(np.mean(_power(level[here]))) - _SPOKEN_DB
    return said


def _speech_around(level: Levels, said: NDArray[np.bool_], frames: int) -> Levels:
    """The level of the speech at each frame: of that to its left, to its right and of all, the lowest."""
    powers = _power(level[said]).astype(np.float64)
    if not len(powers):
        return np.full(len(level), _USUAL_SPEECH_DB, np.float32)
    sums = np.concatenate([[0.0], np.cumsum(powers)])
    # Ten times a second is enough.
    here = np.concatenate([[0], np.cumsum(said, dtype=np.int32)])[:-1:10]

    def mean(first: NDArray[np.int32], last: NDArray[np.int32]) -> NDArray[np.float64]:
        count = last - first
        # Too little speech on that side says nothing.
        return np.where(count * 10 >= frames, (sums[last] - sums[first]) / np.maximum(count, 1), np.inf)

    left = mean(np.maximum(here - frames, 0), here)
    right = mean(here, np.minimum(here + frames, len(powers)))
    lowest = np.minimum(np.minimum(left, right), powers.mean())
    return np.repeat(_decibels(lowest), 10)[: len(level)]


def _noise(level: Levels, frames: int) -> Levels:
    """The level of the recording's own noise at each frame: what it seldom falls beneath in many minutes."""
    noise = np.zeros(len(level), np.float32)
    hop = max(1, frames // 4)
    for first in range(0, len(level), hop):
        middle = first + hop // 2
        around = level[max(0, middle - frames // 2) : middle + frames // 2]
        noise[first : first + hop] = np.percentile(around, _NOISE_PERCENTILE)
    return noise


def _smoothed(power: Levels) -> Levels:
    """The mean of 50 ms around each frame."""
    if not len(power):
        return power
    return np.convolve(np.pad(power, 2, mode="edge"), np.full(5, 0.2, np.float32), mode="valid")


def _power(level: Levels) -> Levels:
    return np.asarray(10 ** (level / 10))


def _decibels(power: Levels | np.floating) -> Levels:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-10)), np.float32)
