"""What the audit measures of a sound, once: how loud it is, where it is silent, whether it is clipped."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.audio import SAMPLE_RATE, Audio

FRAME = 220  # samples, 10 ms
FRAME_SECONDS = FRAME / SAMPLE_RATE
# Frames this far beneath the loud ones are silence: speech itself spans about 30 dB (ANSI S3.5).
AUDIBLE_BELOW_LOUD_DB = 30.0
# Nothing is heard below this, however quiet the rest is.
AUDIBLE_DBFS = -60.0
SILENCE_DBFS = -120.0


@dataclass(frozen=True, slots=True)
class Measures:
    """Readings of one sound, rounded to what they are good for.

    level          RMS of the audible frames, dBFS (a square wave at full scale is 0); -120 for silence
    before, after  seconds of silence before the first audible frame and after the last
    pause          seconds of the longest silence between two audible frames
    clipped        share of the samples in flat tops, and `longest_top` the longest of them in milliseconds
    """

    level: float
    before: float
    after: float
    pause: float
    clipped: float
    longest_top: float

    def as_list(self) -> list[float]:
        """The readings in the order of the fields."""
        return list(astuple(self))


def measure(audio: Audio) -> Measures:
    """Measure a sound; one without an audible frame is silent from beginning to end."""
    levels = _levels(audio.wave)
    loud = float(np.percentile(levels, 95)) if len(levels) else SILENCE_DBFS
    audible = np.flatnonzero(levels > max(loud - AUDIBLE_BELOW_LOUD_DB, AUDIBLE_DBFS))
    clipped, longest_top = round(audio.clipping.share, 6), round(audio.clipping.longest, 2)
    if not len(audible):
        seconds = round(len(audio.wave) / SAMPLE_RATE, 2)
        level = _rms(levels) if len(levels) else SILENCE_DBFS
        return Measures(level, seconds, 0.0, 0.0, clipped, longest_top)
    pause = int(np.diff(audible).max(initial=1)) - 1
    before, after = int(audible[0]), len(levels) - 1 - int(audible[-1])
    start, end, inside = (round(frames * FRAME_SECONDS, 2) for frames in (before, after, pause))
    return Measures(_rms(levels[audible]), start, end, inside, clipped, longest_top)


def _levels(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """(frames,) RMS in dBFS of (samples,), without its mean: an offset is no sound."""
    count = len(wave) // FRAME
    if not count:
        return np.zeros(0)
    frames = (wave[: count * FRAME] - wave.mean()).reshape(count, FRAME)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return np.asarray(10.0 * np.log10(np.maximum(power, 10.0 ** (SILENCE_DBFS / 10.0))), dtype=np.float64)


def _rms(levels: NDArray[np.float64]) -> float:
    return round(float(10.0 * np.log10(np.mean(10.0 ** (levels / 10.0)))), 1)
