"""Audio files as clips: mono, 22 050 Hz, with what identifies the sound and how it is clipped."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from xtts_finetune.data.sound.channels import Mono, Samples, channel_to_take, to_mono
from xtts_finetune.data.sound.decoding import LIBSNDFILE, Decoded, decode, seconds_of
from xtts_finetune.data.sound.unbroken import AudioError
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.records.values import file_digest

__all__ = ["Audio", "AudioError", "Clipping", "load_audio", "read_as_it_is", "read_audio", "seconds_of"]

# Samples within this of the highest one are at the ceiling: the steps of 16 bits below full scale.
CEILING = 0.9999
# Fewer samples in a row reach the highest value by chance.
FLAT_SAMPLES = 3
# Beneath this peak the steps of 16 bits would pass for flat tops.
QUIETEST_CLIPPING = 0.05


@dataclass(frozen=True)
class Clipping:
    """Flat tops of a sound: three samples or more in a row at its own ceiling, or beyond full scale.

    share     of all samples, in the worst channel
    longest   milliseconds of the longest flat top
    """

    share: float = 0.0
    longest: float = 0.0


@dataclass(frozen=True)
class Audio:
    """A clip's sound: `wave` float32 (samples,), mono, 22 050 Hz, within -1 and 1.

    `sha256` identifies the sound: a copy under another name, or the same samples as FLAC instead of WAV,
    have the same. For lossy formats it is made of the file's own hash, since decoders differ in the last bit.
    `clipping` is of the file's own samples, because resampling rounds flat tops off.
    """

    wave: NDArray[np.float32]
    sha256: str
    clipping: Clipping = Clipping()


def read_audio(path: Path) -> NDArray[np.float32]:
    """The sound of `path` as float32 (samples,), mono, 22 050 Hz, within -1 and 1. Raises AudioError."""
    return load_audio(path).wave


def read_as_it_is(path: Path, at_most_seconds: float | None = None) -> tuple[Mono, int]:
    """The sound of `path` as float32 (samples,), mono, at its own rate, with that rate. Raises AudioError."""
    sound = decode(path, at_most_seconds)
    return to_mono(sound.samples, channel_to_take(sound.samples)), sound.rate


def load_audio(path: Path, at_most_seconds: float | None = None) -> Audio:
    """The sound of `path` with its identity, cut after `at_most_seconds` so that memory stays bounded.

    Raises AudioError for a file that cannot be read, that breaks off, or that holds NaN or infinity.
    """
    sound = decode(path, at_most_seconds)
    mono = to_mono(sound.samples, channel_to_take(sound.samples))
    if not np.isfinite(mono).all():
        raise AudioError("holds samples that are not numbers")
    return Audio(_resampled(mono, sound.rate), _identity(path, mono, sound), _clipping(sound.samples, sound.rate))


def _resampled(mono: Mono, rate: int) -> NDArray[np.float32]:
    if rate != SAMPLE_RATE and len(mono):
        mono = soxr.resample(mono, rate, SAMPLE_RATE, quality="VHQ")
    clipped: NDArray[np.float32] = np.clip(mono, -1.0, 1.0).astype(np.float32, copy=False)
    return clipped


def _clipping(samples: Samples, rate: int) -> Clipping:
    """Flat tops of (frames, channels)."""
    share = longest = 0.0
    for channel in samples.T:
        size = np.abs(channel)
        # Beyond 1 a sound is cut when it is used; what was cut and then made quieter has its ceiling lower.
        ceiling = min(float(size.max(initial=0.0)), 1.0)
        if ceiling < QUIETEST_CLIPPING:
            continue
        places = np.flatnonzero(size >= CEILING * ceiling)
        runs = np.diff(np.flatnonzero(np.diff(places, prepend=-2, append=places[-1] + 2) != 1))
        flat = runs[runs >= FLAT_SAMPLES]
        if len(flat):
            share = max(share, float(flat.sum()) / len(size))
            longest = max(longest, 1000.0 * float(flat.max()) / rate)
    return Clipping(share, longest)


def _identity(path: Path, mono: Mono, sound: Decoded) -> str:
    if sound.decoder == LIBSNDFILE:
        return file_digest(path)
    # Where the decoders disagree, what was made of the other one's sound must not be taken for this.
    digest = hashlib.sha256(f"{sound.rate} Hz float32\n".encode())
    digest.update(f"{sound.decoder} {file_digest(path)}".encode() if sound.decoder else mono.astype("<f4").tobytes())
    return digest.hexdigest()
