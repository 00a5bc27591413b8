"""Speech as it leaves: encoded while it is spoken, in every format that OpenAI's call knows."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from xtts_finetune.speaking.sound_file import at_rate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
RATE = 24_000
"""Samples a second of everything that leaves: what `pcm` has in OpenAI's call, and what every format can have."""

MEDIA_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
# Of FFmpeg: the file format, the codec, bits a second, and options of the former.
_FFMPEG: dict[Format, tuple[str, str, int | None, dict[str, str]]] = {
    "mp3": ("mp3", "libmp3lame", 96_000, {"write_xing": "0", "id3v2_version": "0"}),
    "opus": ("ogg", "libopus", 48_000, {"page_duration": "100000"}),
    "aac": ("adts", "aac", 96_000, {}),
    "flac": ("flac", "flac", None, {}),
}  # fmt: skip
UNKNOWN_SIZE = 0xFFFFFFFF


def encoded(format: Format, pieces: Iterable[Samples], rate: int) -> Iterator[bytes]:
    """`pieces`, (samples,) int16 at `rate` a second, in the format, each as soon as it can be."""
    at_ours = at_rate(pieces, rate, RATE)
    if format in ("pcm", "wav"):
        before = wav_header(None) if format == "wav" else b""  # with the first sound, not ahead of it
        for samples in at_ours:
            if len(samples):
                yield before + samples.tobytes()
                before = b""
    else:
        yield from _by_ffmpeg(format, at_ours)


def whole_wav(pieces: Iterable[Samples], rate: int) -> bytes:
    """A WAV file that knows its length."""
    samples = b"".join(encoded("pcm", pieces, rate))
    return wav_header(len(samples)) + samples


def wav_header(size: int | None) -> bytes:
    """Of `size` bytes of samples; None: not known yet, so that whoever reads goes on to the end."""
    data, all_but_8 = (UNKNOWN_SIZE, UNKNOWN_SIZE) if size is None else (size, size + 36)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", all_but_8, b"WAVE") + form + struct.pack("<4sI", b"data", data)


class _Sink:
    """A file for FFmpeg that cannot be rewound."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _by_ffmpeg(format: Format, pieces: Iterable[Samples]) -> Iterator[bytes]:
    import av  # noqa: PLC0415  heavy

    container, codec, bits, options = _FFMPEG[format]
    sink = _Sink()
    with av.open(sink, "w", format=container, container_options={"flush_packets": "1", **options}) as file:
        stream: Any = file.add_stream(codec, rate=RATE)
        stream.layout = "mono"
        if bits is not None:
            stream.bit_rate = bits
        mux: Callable[[Any], None] = lambda frame: file.mux(stream.encode(frame))  # noqa: E731
        for samples in pieces:
            if not len(samples):
                continue
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate = RATE
            mux(frame)
            if made := sink.taken():
                yield made
        mux(None)
    yield sink.taken()
