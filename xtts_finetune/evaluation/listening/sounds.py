"""The sounds of a test: one rate, one loudness, nothing limited, packed as FLAC that names nobody."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.listening.plan import Sound
from xtts_finetune.records.heard.listening_files import REFERENCE

Wave = NDArray[np.float32]

# What EBU R 128 asks of broadcasts.
LOUDNESS_LUFS = -23.0
# No sample may pass -1 dBFS, which leaves room for what lies between samples.
CEILING = 10 ** (-1 / 20)
# A sound that is nearly silent stays nearly silent: more gain would only play its noise.
MOST_GAIN = 10 ** (20 / 20)
# All are made quieter for one loud peak by no more than this; beyond, that sound alone is.
MOST_LESS = 10 ** (-9 / 20)
# The anchor of ITU-R BS.1534-3.
ANCHOR_HZ = 3500.0
NOISE_BELOW_VOICE_DB = 12.0
CUT_AT = 0.6
FADE_SECONDS = 0.05
LONGEST_RECORDING = 12.0
# ITU-R BS.1770-4 measures blocks of 0.4 s; what is shorter is measured as if it were repeated.
SHORTEST_MEASURED = 0.5


@dataclass(frozen=True)
class Packed:
    """A sound as the page holds it."""

    flac: bytes
    seconds: float


@dataclass(frozen=True)
class Matched:
    """All sounds of a test.

    loudness  the level in LUFS that they were brought to
    quieter   those that are below it: nearly silent ones, and ones of which a peak would have been cut
    """

    sounds: Mapping[Sound, Packed]
    rate: int
    loudness: float
    quieter: tuple[Sound, ...]


def pack_sounds(wanted: Mapping[Sound, Path]) -> Matched:
    """Read each sound's file (without its damage), damage it, match loudness, pack.

    All get the highest rate of the files. Loudness is -23 LUFS (ITU-R BS.1770-4); where a sound would then pass
    -1 dBFS, all are brought to the same lower level instead, as limiting would change how they sound.

    Raises UserError for a file that cannot be read.
    """
    read = {file: _read(file) for file in dict.fromkeys(wanted.values())}
    rate = max(rate for _, rate in read.values())
    plain = {file: _resampled(wave, from_rate, rate) for file, (wave, from_rate) in read.items()}
    waves = {}
    for sound, file in wanted.items():
        wave = shortened(plain[file], rate) if sound.source == REFERENCE else plain[file]
        waves[sound] = damaged(wave, rate, sound.damage)
    gains, loudness, quieter = match_loudness(waves, rate)
    packed = {
        sound: Packed(_flac(wave * np.float32(gains[sound]), rate), len(wave) / rate) for sound, wave in waves.items()
    }
    return Matched(packed, rate, loudness, quieter)


def match_loudness(waves: Mapping[Sound, Wave], rate: int) -> tuple[dict[Sound, float], float, tuple[Sound, ...]]:
    """Each (samples,) wave's gain, a factor, the common loudness in LUFS, and which sounds stay below it.

    The loudness is -23 LUFS, or up to 9 dB less where the highest peak asks for it.
    """
    levels = {sound: loudness_of(wave, rate) for sound, wave in waves.items()}
    gains = {sound: _gain(level, LOUDNESS_LUFS) for sound, level in levels.items()}
    peaks = {sound: float(np.abs(wave).max(initial=0.0)) for sound, wave in waves.items()}
    highest = max((gains[sound] * peaks[sound] for sound in waves), default=0.0)
    less = max(min(1.0, CEILING / highest), MOST_LESS) if highest > 0 else 1.0
    loudness = LOUDNESS_LUFS + 20 * math.log10(less)
    fitted = {
        sound: min(_gain(levels[sound], loudness), CEILING / peaks[sound] if peaks[sound] > 0 else 1.0)
        for sound in waves
    }
    quieter = [s for s in waves if levels[s] + 20 * math.log10(fitted[s]) < loudness - 0.1]
    return fitted, loudness, tuple(quieter)


def _gain(level: float, wanted: float) -> float:
    """What brings a sound of `level` LUFS to the wanted one, at most 20 dB; 1 for silence."""
    return min(10 ** ((wanted - level) / 20), MOST_GAIN) if math.isfinite(level) else 1.0


def loudness_of(wave: Wave, rate: int) -> float:
    """Integrated loudness of a wave (samples,) in LUFS, ITU-R BS.1770-4; -inf for silence."""
    import pyloudnorm  # noqa: PLC0415  heavy

    if not len(wave):
        return float("-inf")
    times = int(np.ceil(SHORTEST_MEASURED * rate / len(wave)))
    with np.errstate(divide="ignore", invalid="ignore"):
        level = pyloudnorm.Meter(rate).integrated_loudness(np.tile(wave, max(times, 1)).astype(np.float64))
    return float(level)


def damaged(wave: Wave, rate: int, damage: str) -> Wave:
    """A wave (samples,) with what an anchor or a practice trial does to it; '' leaves it as it is."""
    if damage == "low-pass":
        from scipy.signal import butter, sosfiltfilt  # noqa: PLC0415  heavy

        filtered = sosfiltfilt(butter(8, ANCHOR_HZ, fs=rate, output="sos"), wave, padlen=min(100, len(wave) - 1))
        return np.asarray(filtered, dtype=np.float32)
    if damage == "noise":
        level = float(np.sqrt(np.mean(np.square(wave)))) * 10 ** (-NOISE_BELOW_VOICE_DB / 20)
        noise = np.random.default_rng(len(wave)).standard_normal(len(wave))
        return np.asarray(wave + level * noise, dtype=np.float32)
    if damage == "cut":
        return wave[: max(1, int(CUT_AT * len(wave)))]
    return wave


def _read(file: Path) -> tuple[Wave, int]:
    """A file's sound, mono (samples,), and its rate; a long recording fades out after 12 s."""
    from xtts_finetune.data.sound.audio import AudioError, read_as_it_is  # noqa: PLC0415  heavy

    try:
        wave, rate = read_as_it_is(file, LONGEST_RECORDING * 10)
    except (AudioError, OSError) as error:
        raise UserError(f"{file}: the sound cannot be read ({error}); let the candidates speak again") from None
    if not len(wave) or not np.isfinite(wave).all():
        raise UserError(f"{file}: the sound is empty or damaged; let the candidates speak again")
    return wave, rate


def shortened(wave: Wave, rate: int) -> Wave:
    """At most 12 s of a recording (samples,), faded out where it is cut."""
    longest = int(LONGEST_RECORDING * rate)
    if len(wave) <= longest:
        return wave
    fade = int(FADE_SECONDS * rate)
    short = wave[:longest].copy()
    short[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return short


def _resampled(wave: Wave, from_rate: int, rate: int) -> Wave:
    import soxr  # noqa: PLC0415  heavy

    return wave if from_rate == rate else np.asarray(soxr.resample(wave, from_rate, rate, quality="VHQ"))


def _flac(wave: Wave, rate: int) -> bytes:
    """16-bit FLAC of a wave (samples,) within -1 and 1, without any tag."""
    import soundfile  # noqa: PLC0415  heavy

    packed: Any = io.BytesIO()
    soundfile.write(packed, wave, rate, format="FLAC", subtype="PCM_16")
    return bytes(packed.getvalue())
