"""Sound files of every kind that people have, made here: encoded by FFmpeg through PyAV, and damaged as files get."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
from numpy.typing import NDArray

# Constant quality instead of a constant rate.
VARIABLE = {"flags": "+qscale", "global_quality": str(4 * 118)}


def speechlike(seconds: float, rate: int, seed: int = 0) -> NDArray[np.float32]:
    """(samples,) with syllables and pauses, so that a variable rate varies."""
    time = np.arange(round(seconds * rate)) / rate
    chance = np.random.default_rng(seed)
    pitch = 120 + 10 * seed % 90 + 25 * np.sin(2 * np.pi * 0.7 * time)
    voice = sum(np.sin(k * 2 * np.pi * np.cumsum(pitch) / rate) / k for k in range(1, 9))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time) + 0.3, 0, 1) * (np.sin(2 * np.pi * 0.4 * time) > -0.4)
    return (0.12 * voice * syllables + chance.normal(0, 1e-4, len(time))).astype(np.float32)


def encode(
    path: Path,
    wave: NDArray[np.float32],
    rate: int,
    codec: str,
    options: Mapping[str, str] = MappingProxyType({}),
    *,
    file_options: Mapping[str, str] = MappingProxyType({}),
    video: bool = False,
) -> Path:
    """Write `wave`, (samples,) or (channels, samples), in the format of the path's ending.

    `options` and `file_options` are FFmpeg's, for encoder and container. With `video` there are pictures too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = np.atleast_2d(wave).astype(np.float32)
    layout = "mono" if len(channels) == 1 else "stereo"
    with av.open(str(path), "w", options=dict(file_options)) as file:
        pictures = file.add_stream("mpeg4", rate=10) if video else None
        stream = file.add_stream(codec, rate=rate, layout=layout, options=dict(options))
        if pictures is not None:
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuv420p"
            for number in range(round(channels.shape[1] / rate * 10)):
                picture = av.VideoFrame(64, 64, "yuv420p")
                picture.pts = number
                file.mux(pictures.encode(picture))
            file.mux(pictures.encode(None))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def mp3(path: Path, wave: NDArray[np.float32], rate: int, *, counted: bool = True, variable: bool = True) -> Path:
    """An MP3, with the frame that counts all others (Xing's) or without."""
    file_options = {"write_xing": str(int(counted)), "id3v2_version": "0"}
    return encode(path, wave, rate, "libmp3lame", VARIABLE if variable else {}, file_options=file_options)


def cut(path: Path, whole: Path, share: float = 0.6) -> Path:
    """The first `share` of a file's bytes."""
    content = whole.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def without_last_page(path: Path, ogg: Path) -> Path:
    """An Ogg file that ends a page too early."""
    content = ogg.read_bytes()
    path.write_bytes(content[: content.rindex(b"OggS")])
    return path


def wav_that_tells(path: Path, wav: Path, told: int, riff: int | None = None) -> Path:
    """A WAV whose header tells of `told` bytes of sound, whatever there is."""
    content = bytearray(wav.read_bytes())
    place = content.index(b"data")
    content[place + 4 : place + 8] = struct.pack("<I", told)
    content[4:8] = struct.pack("<I", told if riff is None else riff)
    path.write_bytes(content)
    return path
