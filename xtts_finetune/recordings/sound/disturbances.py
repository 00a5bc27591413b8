"""What else is in a stretch of a recording: music, noise, applause, a level unlike the rest, flat tops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.recordings.sound.spectra import Spectra, spectra_of
from xtts_finetune.records.stretches import Reason

Wave = NDArray[np.float32]
Floats = NDArray[np.float64]
Intervals = Sequence[tuple[float, float]]

STEP_SECONDS = 0.01
# Speech closes the mouth at least once in so long: what sounds then is not the voice.
WINDOW_SECONDS = 3.0
# The quietest 3 % of a window, the loudest 10 %.
FLOOR, SPEECH = 3, 90
SILENCE_DB = -75.0
# Beneath the recording's usual level of speech.
TOO_QUIET_DB = 12.0
# Beneath speech by less than this, the floor is noise whatever is usual; one beneath the second disturbs nobody.
NOISY_DB, CLEAN_DB = 15.0, 36.0
# Over the usual floor by at least this and three of its usual deviations; how deep a usual floor may be under speech.
RAISED_DB, RAISED_DEVIATIONS, DEEPEST_DB = 6.0, 3.0, 45.0
# Tones at a time: in all of a stretch with words, in its quietest part, and there where the floor is raised anyway.
TONES, TONES_IN_QUIET, TONES_OVER_RAISED = 2.0, 0.8, 0.1
# Percent of its frames: between the words, whoever says where those are, a voice leaves little of itself.
QUIET = 20
# Where nothing is said: sound for so long that it is worth a name; instruments; what is as flat as noise; a beat.
SUSTAINED_SECONDS = 1.0
INSTRUMENT_FLATNESS, NOISE_FLATNESS = 0.004, 0.17
BEAT, TONES_ALONE = 0.36, 1.0
CLAPPING = 0.45
# Of the samples above half of the highest tops, the share that reaches so high only where those were cut off.
PILED_UP = ((0.88, 0.18), (0.82, 0.25))
FEWEST_TOPS, FEWEST_LOUD, QUIETEST_CLIPPING, BEYOND_FULL_SCALE = 12, 50, 0.05, 3


@dataclass(frozen=True)
class Usual:
    """How a recording is for the most part, in dB beneath full scale (RMS of 10 ms).

    speech   its level of speech
    floor    what is left where the voice pauses for a moment, and `spread`, by how much that usually differs
    """

    speech: float
    floor: float
    spread: float

    @classmethod
    def of(cls, level_db: NDArray[np.floating], speech: Intervals) -> Usual:
        """From (frames,) of 10 ms of the whole recording and where its speech is, in seconds."""
        size = round(WINDOW_SECONDS / STEP_SECONDS)
        windows = []
        for start, end in speech:
            frames = np.asarray(level_db[round(start / STEP_SECONDS) : round(end / STEP_SECONDS)], dtype=np.float64)
            windows += [frames[at : at + size] for at in range(0, max(len(frames) - size // 2, 1), size)]
        windows = [window for window in windows if len(window)]
        if not windows:
            return cls(SILENCE_DB, SILENCE_DB, 0.0)
        floors = [max(float(np.percentile(window, FLOOR)), SILENCE_DB) for window in windows]
        floor = float(np.median(floors))
        return cls(
            speech=float(np.median([np.percentile(window, SPEECH) for window in windows])),
            floor=floor,
            spread=1.4826 * float(np.median(np.abs(np.array(floors) - floor))),  # of a normal distribution
        )


def reasons_of(wave: Wave, words: Intervals, usual: Usual, rate: int = SAMPLE_RATE) -> tuple[Reason, ...]:
    """What disturbs (samples,) mono, whose `words` are at these seconds of it; without words, what it is instead."""
    level = level_of(wave, rate)
    if not len(level):
        return ()
    found = spectra_of(wave, rate)
    if not words:
        return _without_words(level, found, usual)
    reasons = [*_levels(level, usual), *_behind(level, found, usual)]
    if is_clipped(wave, rate):
        reasons.append(Reason("clipped", "its loudest parts are cut off"))
    return tuple(reasons)


def level_of(wave: Wave, rate: int) -> Floats:
    """(frames,) of 10 ms, in dB beneath full scale."""
    size = round(rate * STEP_SECONDS)
    frames = np.asarray(wave[: len(wave) // size * size], dtype=np.float64).reshape(-1, size)
    return np.asarray(10.0 * np.log10(np.maximum(np.square(frames).mean(axis=1), 10.0 ** (SILENCE_DB / 10.0))))


def _levels(level: Floats, usual: Usual) -> list[Reason]:
    beneath = usual.speech - float(np.percentile(level, SPEECH))
    if beneath < TOO_QUIET_DB:
        return []
    return [Reason("too quiet", f"{beneath:.0f} dB quieter than the rest of the recording")]


def _behind(level: Floats, found: Spectra, usual: Usual) -> list[Reason]:
    """Music or noise under the words."""
    speech = float(np.percentile(level, SPEECH))
    floor = _floor_of(level)
    over = floor - max(usual.floor, usual.speech - DEEPEST_DB)
    raised = over > max(RAISED_DB, RAISED_DEVIATIONS * usual.spread) and speech - floor < CLEAN_DB
    quiet = float(found.tones[found.level <= np.percentile(found.level, QUIET)].mean())
    if float(found.tones.mean()) > TONES or quiet > TONES_IN_QUIET:
        return [Reason("music", "under the words")]
    if raised and quiet > TONES_OVER_RAISED:
        return [Reason("music", f"under the words, {speech - floor:.0f} dB beneath them")]
    if raised or speech - floor < NOISY_DB:
        return [Reason("noise", f"only {max(speech - floor, 0.0):.0f} dB beneath the words")]
    return []


def _floor_of(level: Floats) -> float:
    """The highest floor of its windows: music may begin in the middle."""
    size = round(WINDOW_SECONDS / STEP_SECONDS)
    starts = range(0, max(len(level) - size // 2, 1), size)
    return max(float(np.percentile(level[at : at + size], FLOOR)) for at in starts)


def _without_words(level: Floats, found: Spectra, usual: Usual) -> tuple[Reason, ...]:
    """What sounds where nothing is said; nothing for silence, a cough, or what cannot be told."""
    sounds = float((level > max(usual.floor + RAISED_DB, SILENCE_DB + RAISED_DB)).sum()) * STEP_SECONDS
    if sounds < SUSTAINED_SECONDS:
        return ()
    if found.flatness < INSTRUMENT_FLATNESS or found.beat > BEAT or float(found.tones.mean()) > TONES_ALONE:
        return (Reason("music"),)
    if found.flatness > NOISE_FLATNESS:
        return (Reason("applause"),) if found.peakedness > CLAPPING else (Reason("noise"),)
    return ()


def is_clipped(wave: Wave, rate: int) -> bool:
    """Whether tops are cut off, also where resampling or a lossy format has rounded them since."""
    if int((np.abs(wave) > 1.0).sum()) >= BEYOND_FULL_SCALE:
        return True
    for side in (wave, -wave):
        size = round(rate * STEP_SECONDS)
        tops = side[: len(side) // size * size].reshape(-1, size).max(axis=1)
        if len(tops) < FEWEST_TOPS or (ceiling := float(np.sort(tops)[-5:].mean())) < QUIETEST_CLIPPING:
            continue
        loud = max(int((side > 0.5 * ceiling).sum()), FEWEST_LOUD)
        if any(int((side > height * ceiling).sum()) > share * loud for height, share in PILED_UP):
            return True
    return False
