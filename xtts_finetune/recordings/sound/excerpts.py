"""Parts of a recording, decoded in one pass: memory does not grow with the length of the recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from xtts_finetune.data.sound.channels import channel_to_take, to_mono
from xtts_finetune.data.sound.streamed import SECONDS_COMPARED, Stream, open_stream
from xtts_finetune.data.sound.unbroken import AudioError

BLOCK_SECONDS = 10.0
SEEKABLE = {"WAV", "WAVEX", "FLAC", "AIFF", "W64", "RF64", "CAF"}
Wave = NDArray[np.float32]


def blocks_of(stream: Stream, rate: int, from_second: float = 0.0) -> Iterator[Wave]:
    """What is there of a recording, though it breaks off."""
    try:
        yield from stream.blocks(BLOCK_SECONDS, rate, from_second)
    except AudioError:
        return


def excerpts(path: Path, spans: Iterable[tuple[float, float]], rate: int) -> Iterator[Wave]:
    """(samples,) at `rate` of each span of seconds, in the order of their starts; they may overlap.

    Where there is no sound, before the start and after the end, there are zeros. Raises AudioError where the file
    cannot be opened.
    """
    wanted = [(round(start * rate), round(end * rate)) for start, end in spans]
    if not wanted:
        return
    offset = max(0, wanted[0][0])
    held = np.empty(0, np.float32)
    with open_stream(path) as stream:
        blocks = blocks_of(stream, rate, offset / rate)
        for start, end in wanted:
            while offset + len(held) < end and (block := next(blocks, None)) is not None:
                gone = min(max(0, start - offset), len(held))
                held, offset = np.concatenate([held[gone:], block]), offset + gone
            wave = held[max(0, start - offset) : max(0, end - offset)]
            before = max(0, -start)
            yield np.pad(wave, (before, end - start - before - len(wave)))


def excerpt(path: Path, start: float, end: float, rate: int) -> Wave:
    """(samples,) at `rate` of one span. A file in which each sample has its place is not decoded from its start.

    Raises AudioError as `excerpts`.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            if file.format not in SEEKABLE or rate > file.samplerate:
                return next(excerpts(path, [(start, end)], rate))
            channel = channel_to_take(file.read(round(SECONDS_COMPARED * file.samplerate), "float32", always_2d=True))
            # Whole seconds, so that both rates have a sample there; what the resampler sees before and after counts.
            first, last = max(0, int(start) - 1), int(end) + 2
            file.seek(min(first * file.samplerate, file.frames))
            own = to_mono(file.read((last - first) * file.samplerate, "float32", always_2d=True), channel)
            wave = soxr.resample(own, file.samplerate, rate, quality="VHQ") if len(own) else own
    except (soundfile.LibsndfileError, OSError):
        return next(excerpts(path, [(start, end)], rate))
    offset, length = round(start * rate) - first * rate, round(end * rate) - round(start * rate)
    wave = np.pad(wave, (max(0, -offset), 0))[max(0, offset) :][:length]
    return np.pad(wave, (0, length - len(wave))).astype(np.float32)
