"""How high a voice speaks, and how much its melody moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtts_finetune.evaluation.instruments.frames import HIGHEST_PITCH, HOP_SECONDS, LOWEST_PITCH, Frames, Wave
from xtts_finetune.evaluation.instruments.instrument import Instrument, Shown, Take, deviation
from xtts_finetune.machine.packages import librosa_loaded
from xtts_finetune.records.heard.scores import Reading, UtteranceScores

# Samples of one frame as seconds: four periods of the lowest pitch.
FRAME_SECONDS = 4.0 / LOWEST_PITCH
# Fewer voiced frames (0.1 s) do not say how high a voice is.
FEWEST_VOICED = 10
SEMITONES = 12.0
# Semitones: the least that counts, and how many deviations of the recordings' own medians.
LEAST_DISTANCE, DEVIATIONS = 4.0, 3.0


@dataclass(frozen=True)
class Pitch:
    """`median` of the fundamental frequency in Hz; `spread` is its standard deviation in semitones."""

    median: float
    spread: float


def pitch_of(wave: Wave, sample_rate: int, frames: Frames) -> Pitch | None:
    """Pitch of (samples,) over its voiced `frames`; None with less than 0.1 s of them.

    YIN (de Cheveigné and Kawahara 2002) as librosa has it, from 60 to 500 Hz. A median, because YIN is an
    octave off in creaky frames; the spread leaves out what is further than an octave from it.
    """
    if frames.voiced.sum() < FEWEST_VOICED:
        return None
    tracked = librosa_loaded().yin(
        wave,
        fmin=LOWEST_PITCH,
        fmax=HIGHEST_PITCH,
        sr=sample_rate,
        frame_length=2 * round(FRAME_SECONDS * sample_rate / 2),
        hop_length=round(HOP_SECONDS * sample_rate),
    )
    voiced = tracked[: len(frames.voiced)][frames.voiced[: len(tracked)]]
    median = float(np.median(voiced))
    semitones = SEMITONES * np.log2(voiced / median)
    return Pitch(median, float(np.std(semitones[np.abs(semitones) < SEMITONES])))


def semitones_between(first: float, second: float) -> float:
    """How many semitones the frequency `first` lies above `second`; negative if it lies below."""
    return SEMITONES * float(np.log2(first / second))


def _read(take: Take) -> Mapping[str, Reading]:
    pitch = pitch_of(take.sound.wave, take.sound.sample_rate, take.sound.frames)
    return {} if pitch is None else {"f0_median_hz": pitch.median, "f0_spread_semitones": pitch.spread}


def _usual(medians: Sequence[float]) -> Mapping[str, Any]:
    """The median of the recordings in Hz, and how far they are from it, in semitones."""
    median = float(np.median(medians)) if medians else None
    spread = deviation([semitones_between(one, median) for one in medians]) if median else None
    return {"f0_median_hz": median, "f0_deviation": spread}


def _judge(take: Take, scores: UtteranceScores) -> tuple[float, float, str] | None:
    found, usual = scores.number("f0_median_hz"), take.voice.number("f0_median_hz")
    own = take.voice.number("f0_deviation")
    if not found or not usual or own is None:
        return None
    semitones = semitones_between(found, usual)
    limit = max(LEAST_DISTANCE, DEVIATIONS * own)
    return (semitones, limit, "semitones") if abs(semitones) > limit else None


PITCH = Instrument(
    name="f0_median_hz",
    also=("f0_spread_semitones",),
    unit="Hz",
    source="YIN, de Cheveigné and Kawahara 2002",
    better="near the voice's own",
    read=_read,
    usual=_usual,
    fault="other pitch",
    judge=_judge,
    shown=(Shown("f0_median_hz", "pitch", "{:.0f} Hz"),),
    packages=("librosa",),
    version=0,
)
