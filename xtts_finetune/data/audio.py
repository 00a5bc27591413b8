"""Audio files to samples: soundfile and soxr, never torchaudio's loader, which needs FFmpeg."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from xtts_finetune.fixed import SAMPLE_RATE
from xtts_finetune.records.values import file_digest

# Decoding these gives the same samples everywhere, so the sound itself can be the identity of a clip.
LOSSLESS = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW", "ALAC")


# Seconds by which the header of an MP3 may promise more than there is.
HEADER_TOLERANCE = 0.1


# Samples within this of the highest one are at the ceiling: the steps of 16 bits below full scale.
CEILING = 0.9999
# Fewer samples in a row reach the highest value by chance.
FLAT_SAMPLES = 3
# Beneath this peak the steps of 16 bits would pass for flat tops.
QUIETEST_CLIPPING = 0.05


class AudioError(Exception):
    """A file that is no sound, or not one that can be used; the message says why."""


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
    have the same. For lossy formats it is the file's own hash, since decoders differ in the last bit.
    `clipping` is of the file's own samples, because resampling rounds flat tops off.
    """

    wave: NDArray[np.float32]
    sha256: str
    clipping: Clipping = Clipping()


def read_audio(path: Path) -> NDArray[np.float32]:
    """The sound of `path` as float32 (samples,), mono, 22 050 Hz, within -1 and 1. Raises AudioError."""
    return load_audio(path).wave


def load_audio(path: Path, at_most_seconds: float | None = None) -> Audio:
    """The sound of `path` with its identity, cut after `at_most_seconds` so that memory stays bounded.

    Raises AudioError for a file that soundfile cannot read, that breaks off, or that holds NaN or infinity.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            rate, promised, subtype = int(file.samplerate), int(file.frames), str(file.subtype)
            wanted = promised if at_most_seconds is None else min(promised, round(at_most_seconds * rate))
            samples = file.read(frames=wanted, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, TypeError, ValueError) as error:
        raise AudioError(_without_path(error, path)) from None
    if wanted - len(samples) > rate * HEADER_TOLERANCE:
        raise AudioError(f"breaks off after {len(samples) / rate:.2f} of {promised / rate:.2f} s")
    mono = _mono(samples)
    if not np.isfinite(mono).all():
        raise AudioError("holds samples that are not numbers")
    return Audio(_resampled(mono, rate), _identity(path, mono, rate, subtype), _clipping(samples, rate))


def seconds_of(path: Path) -> float:
    """Length of a file as its header tells it; the sound is not read. Raises AudioError."""
    try:
        information = soundfile.info(str(path))
    except (soundfile.LibsndfileError, OSError, TypeError, ValueError) as error:
        raise AudioError(_without_path(error, path)) from None
    return float(information.frames) / float(information.samplerate)


def _mono(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of the channels of (frames, channels), added in order so that every machine rounds alike."""
    total = np.zeros(len(samples), dtype=np.float64)
    for channel in samples.T:
        total += channel
    mono: NDArray[np.float32] = (total / samples.shape[1]).astype(np.float32)
    return mono


def _resampled(mono: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    if rate != SAMPLE_RATE and len(mono):
        mono = soxr.resample(mono, rate, SAMPLE_RATE, quality="VHQ")
    clipped: NDArray[np.float32] = np.clip(mono, -1.0, 1.0).astype(np.float32, copy=False)
    return clipped


def _clipping(samples: NDArray[np.float32], rate: int) -> Clipping:
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


def _identity(path: Path, mono: NDArray[np.float32], rate: int, subtype: str) -> str:
    if not subtype.startswith(LOSSLESS):
        return file_digest(path)
    digest = hashlib.sha256(f"{rate} Hz float32\n".encode())
    digest.update(mono.astype("<f4", copy=False).tobytes())
    return digest.hexdigest()


def _without_path(error: Exception, path: Path) -> str:
    """The library's message; the path is named beside it already."""
    message = str(error).replace(f"Error opening {str(path)!r}: ", "")
    return message or type(error).__name__
