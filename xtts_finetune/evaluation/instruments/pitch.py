"""How high a voice speaks, and how much its melody moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xtts_finetune.evaluation.instruments.frames import HIGHEST_PITCH, HOP_SECONDS, LOWEST_PITCH, Frames, Wave
from xtts_finetune.importing import librosa_loaded

# Samples of one frame as seconds: four periods of the lowest pitch.
FRAME_SECONDS = 4.0 / LOWEST_PITCH
# Fewer voiced frames (0.1 s) do not say how high a voice is.
FEWEST_VOICED = 10
SEMITONES = 12.0


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
