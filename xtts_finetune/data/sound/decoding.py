"""A sound file's samples and length: soundfile where it reads a file well, FFmpeg through PyAV where it does not.

Never torchaudio's loader, which needs FFmpeg's shared libraries on the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from xtts_finetune.data.sound.channels import Mono, Samples
from xtts_finetune.data.sound.mpeg_frames import looks_like_mp3
from xtts_finetune.data.sound.streamed import ENCODER_PADDING, open_stream
from xtts_finetune.data.sound.unbroken import HEADER_TOLERANCE, refuse_broken

# Decoding these gives the same samples everywhere, so the sound itself can be the identity of a clip.
LOSSLESS = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW", "ALAC")
# Who decoded; what is lossless is the same whoever did.
ANYBODY, LIBSNDFILE, FFMPEG = "", "libsndfile", "FFmpeg"


@dataclass(frozen=True)
class Decoded:
    """The samples (frames, channels) of a file.

    decoder           who decoded them; ANYBODY where the file is lossless
    longer_than_told  there is more than the file tells
    """

    samples: Samples
    rate: int
    decoder: str
    longer_than_told: bool = False

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


def decode(path: Path, at_most_seconds: float | None = None) -> Decoded:
    """The samples of `path` at its own rate, cut after `at_most_seconds` so that memory stays bounded.

    Raises AudioError for a file that cannot be read or that breaks off.
    """
    refuse_broken(path)
    header = None if looks_like_mp3(path) else _header(path)
    if header is None or not header.lossless:
        return _lossy(path, at_most_seconds)
    return _by_soundfile(path, header, at_most_seconds) or _by_ffmpeg(path, at_most_seconds)


def seconds_of(path: Path) -> float:
    """Length of a file: as its header tells it if it is lossless, else counted; nothing is decoded.

    Raises AudioError, also for a file that breaks off.
    """
    refuse_broken(path)
    header = None if looks_like_mp3(path) else _header(path)
    if header is not None and header.lossless and (not header.packed or _reaches_its_end(path)):
        return header.seconds
    with open_stream(path) as stream:
        told = stream.seconds_promised if header is None else header.seconds
        counted = stream.count()
    return told if told is not None and abs(told - counted) <= ENCODER_PADDING else counted


@dataclass(frozen=True)
class _Header:
    """What soundfile says of a file that it reads."""

    rate: int
    frames: int
    lossless: bool
    packed: bool  # so that the size of the file does not tell whether all of it is there

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


def _header(path: Path) -> _Header | None:
    """None for a file that soundfile does not read, or that tells of no sound: FFmpeg may find some."""
    try:
        told = soundfile.info(str(path))
    except (soundfile.LibsndfileError, OSError, TypeError, ValueError):
        return None
    if not told.frames or not told.samplerate:
        return None
    lossless, packed = str(told.subtype).startswith(LOSSLESS), str(told.format) in ("FLAC", "CAF")
    return _Header(int(told.samplerate), int(told.frames), lossless, packed)


def _reaches_its_end(path: Path) -> bool:
    """Whether the last sample that the header tells of is there."""
    try:
        with soundfile.SoundFile(str(path)) as file:
            file.seek(file.frames - 1)
            return len(file.read(1)) == 1
    except (soundfile.LibsndfileError, OSError, TypeError, ValueError):
        return False


def _lossy(path: Path, at_most_seconds: float | None) -> Decoded:
    """As soundfile decodes it where it finds as much sound as there is, else as FFmpeg does.

    A length in a header may be a guess, or the first part's alone where files were joined.
    """
    sound = _by_ffmpeg(path, at_most_seconds)
    header = None if sound.longer_than_told else _header(path)
    usual = None if header is None else _by_soundfile(path, header, at_most_seconds)
    return usual if usual is not None and abs(usual.seconds - sound.seconds) <= HEADER_TOLERANCE else sound


def _by_soundfile(path: Path, header: _Header, at_most_seconds: float | None) -> Decoded | None:
    """None where its sound ends before the header says: FFmpeg tells why."""
    wanted = header.frames if at_most_seconds is None else min(header.frames, round(at_most_seconds * header.rate))
    try:
        with soundfile.SoundFile(str(path)) as file:
            samples = file.read(frames=wanted, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, TypeError, ValueError):
        return None
    if wanted - len(samples) > header.rate * HEADER_TOLERANCE:
        return None
    return Decoded(samples, header.rate, ANYBODY if header.lossless else LIBSNDFILE)


def _by_ffmpeg(path: Path, at_most_seconds: float | None) -> Decoded:
    held: list[Mono] = []
    with open_stream(path) as stream:
        wanted = None if at_most_seconds is None else round(at_most_seconds * stream.rate)
        for block in stream.blocks():
            held.append(block)
            if wanted is not None and sum(map(len, held)) >= wanted:
                break
        mono = np.concatenate(held)[:wanted]
        told = stream.seconds_promised
        longer = told is not None and len(mono) / stream.rate - told > HEADER_TOLERANCE
        return Decoded(mono[:, np.newaxis], stream.rate, ANYBODY if stream.lossless else FFMPEG, longer)
