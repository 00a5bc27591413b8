"""How loud speech is heard."""

from __future__ import annotations

import math

from xtts_finetune.evaluation.instruments.frames import Wave
from xtts_finetune.evaluation.instruments.instrument import Instrument, Shown

# One block of the standard; shorter sounds have no loudness in it.
BLOCK_SECONDS = 0.4


def loudness_of(wave: Wave, sample_rate: int) -> float | None:
    """Integrated loudness of (samples,) in LUFS (ITU-R BS.1770-4, by pyloudnorm); None for silence.

    Gated, so that pauses do not count. None for less than 0.4 s of sound too. It says nothing of a quality:
    candidates are brought to one loudness before they are listened to.
    """
    import pyloudnorm  # noqa: PLC0415  heavy

    if len(wave) <= BLOCK_SECONDS * sample_rate:
        return None
    loudness = float(pyloudnorm.Meter(sample_rate).integrated_loudness(wave))
    return loudness if math.isfinite(loudness) else None


LOUDNESS = Instrument(
    name="level_lufs",
    unit="LUFS",
    source="ITU-R BS.1770-4",
    better="neither",
    read=lambda take: {"level_lufs": loudness_of(take.sound.wave, take.sound.sample_rate)},
    shown=(Shown("level_lufs", "loudness", "{:.1f} LUFS"),),
    packages=("pyloudnorm",),
    version=0,
)
