"""Synthetic voices: text to speech by flite, as mono float32 at 22,050 Hz.

The program must be installed. Some voices are used as they come; others are spoken slower and played faster by
the same factor, which raises pitch and formants together and so makes another speaker of the same phones.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

SAMPLE_RATE = 22_050


@dataclass(frozen=True)
class Voice:
    name: str
    speaker: str
    """flite's name of it."""
    raised: float = 1.0
    """The factor by which pitch and formants lie above the plain voice."""
    stretch: float = 1.0
    """How much longer than the engine's own pace; 1.1 is 10 % slower."""


TARGET = Voice("demo", "awb", raised=1.12)
"""The voice of the demo's recordings. Pretraining never hears it, but hears its neighbours on both sides: a codec of
1,024 codes that has met four voices cannot carry one that is unlike them all (flite's `slt` became unintelligible)."""

PRETRAINING = (
    Voice("rms", "rms"),
    Voice("rms_high", "rms", raised=1.3, stretch=0.95),
    Voice("awb", "awb"),
    Voice("awb_high", "awb", raised=1.25),
)
"""Few, and of one family of synthesis, because 1,024 codes of 46 ms carry only 215 bits a second."""


def speak(voice: Voice, text: str, pace: float = 1.0) -> np.ndarray:
    """`text` in `voice`, (samples,) float32, trimmed and levelled; `pace` above 1 is faster."""
    stretch = voice.stretch * voice.raised / pace
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        setting = f"duration_stretch={stretch:.4f}"
        command = ["flite", "-voice", voice.speaker, "--setf", setting, "-t", text, "-o", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        audio, rate = soundfile.read(path, dtype="float32")
    audio = soxr.resample(audio, rate * voice.raised, SAMPLE_RATE)
    return level(trim(audio))


def trim(audio: np.ndarray, floor_db: float = -45.0, keep_s: float = 0.04) -> np.ndarray:
    """Without the silence at both ends, but for `keep_s`. A frame of 10 ms is silent `floor_db` below the loudest."""
    frame = SAMPLE_RATE // 100
    frames = audio[: len(audio) // frame * frame].reshape(-1, frame)
    power = (frames**2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (floor_db / 10))
    keep = int(keep_s * SAMPLE_RATE)
    return audio[max(loud[0] * frame - keep, 0) : (loud[-1] + 1) * frame + keep]


def level(audio: np.ndarray, speech_db: float = -23.0, peak: float = 0.9) -> np.ndarray:
    """At one loudness: the RMS of the whole clip at `speech_db` of full scale, no sample above `peak`."""
    gain = 10 ** (speech_db / 20) / max(float(np.sqrt((audio**2).mean())), 1e-6)
    return (audio * min(gain, peak / max(float(np.abs(audio).max()), 1e-6))).astype(np.float32)
