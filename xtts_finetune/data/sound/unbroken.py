"""Whether a sound file is whole, as its own bytes tell: chunks, pages and boxes that end before the file does."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from os import SEEK_CUR
from pathlib import Path
from typing import BinaryIO

# Seconds by which a header may promise more than there is.
HEADER_TOLERANCE = 0.1

# Of joined MP3s, OGGs and AACs all are read.
SEVERAL = (
    "holds several recordings one after the other, of which only the first can be read; join them in an audio editor"
)


class AudioError(Exception):
    """A file that is no sound, or not one that can be used; the message says why."""


@dataclass(frozen=True)
class Chunks:
    """How a format chains its chunks: bytes before the first one, of a name, a size, and of what sizes round up to."""

    start: int
    name: int
    size: str
    padding: int = 1
    size_has_header: bool = False


CHUNKS = {
    b"RIFF": Chunks(12, 4, "<I", 2),
    b"FORM": Chunks(12, 4, ">I", 2),
    b"caff": Chunks(8, 4, ">q"),
    b"riff": Chunks(40, 16, "<Q", 8, size_has_header=True),  # Sony's Wave64
}
SOUND_CHUNKS = (b"data", b"SSND")
# Writers that cannot know the length yet say one of these, or 0: none is a promise.
NOT_KNOWN, UNKNOWN_SIZE = 0xFFFF_FFFF, 0x7FFF_0000
# Share of the sound that may follow it unannounced: some programs leave notes there.
MOST_UNTOLD = 0.25
# A page of Ogg has at most 27 bytes of header, 255 of sizes and 255 times 255 of sound.
LARGEST_OGG_PAGE = 27 + 255 + 255 * 255
OGG_LAST = 0x04
MP4_STARTS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
FLAC, FLAC_STARTS = b"fLaC", (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")
MATROSKA, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def breaks_off(there: float | None = None, promised: float | None = None, why: str | None = None) -> str:
    """The sentence for a file that has lost its end: seconds that are there and that were promised, and why."""
    after = "" if there is None else f" after {there:.2f}" + (" s" if promised is None else f" of {promised:.2f} s")
    return f"breaks off{after}{f': {why}' if why else ''}; copy or download it again"


def refuse_broken(path: Path) -> None:
    """Raise AudioError for a file whose own bytes show that it has lost its end, and for one that is not there."""
    try:
        why = lost_end(path)
    except OSError as error:
        raise AudioError(f"cannot be opened: {error.strerror or error}") from None
    if why:
        raise AudioError(breaks_off(why=why))


def lost_end(path: Path) -> str | None:
    """What shows that a file has lost its end, None where nothing does.

    Raises OSError, and AudioError for a file that holds more than would be read of it.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == FLAC and _has_another_flac(file, size):
            raise AudioError(SEVERAL)
        if head[:4] in CHUNKS:
            return _chunks_end_early(file, CHUNKS[head[:4]], size)
        if head[:4] == b".snd" and len(head) == 12:
            start, length = struct.unpack(">II", head[4:12])
            return _missing(size - start, length) if size - start < length < UNKNOWN_SIZE else None
        if head[:4] == b"OggS":
            return _ogg_end(file, size)
        if head[4:8] in MP4_STARTS:
            return _boxes_end_early(file, size)
        if head[:4] == MATROSKA:
            return _segment_ends_early(file, size)
    return None


def _chunks_end_early(file: BinaryIO, chunks: Chunks, size: int) -> str | None:
    header = chunks.name + struct.calcsize(chunks.size)
    place, sound = chunks.start, 0
    while place + header <= size:
        file.seek(place)
        name = file.read(chunks.name)
        if sound and name[:4] in CHUNKS:
            raise AudioError(SEVERAL)
        (length,) = struct.unpack(chunks.size, file.read(header - chunks.name))
        if sound and not name[:4].isascii() and size - place > MOST_UNTOLD * sound:
            raise AudioError(
                f"its header tells of {sound} bytes of sound, but {size - place} more follow; open it in an audio "
                "editor and export it again"
            )
        if length <= 0 or length == NOT_KNOWN or length >= UNKNOWN_SIZE > size:
            return None
        end = place + length + (0 if chunks.size_has_header else header)
        if end > size:
            # What comes after the sound may be torn: it is about the sound.
            return None if sound else _missing(size - place - header, end - place - header)
        if name[:4] in SOUND_CHUNKS:
            sound = length
        place = end + -end % chunks.padding
    return None


def _has_another_flac(file: BinaryIO, size: int) -> bool:
    with mmap(file.fileno(), size, access=ACCESS_READ) as content:
        return any(content.find(start, 4) > 0 for start in FLAC_STARTS)


def _missing(there: int, promised: int) -> str:
    return f"it has {there} of {promised} bytes"


def _ogg_end(file: BinaryIO, size: int) -> str | None:
    file.seek(max(0, size - LARGEST_OGG_PAGE))
    tail = file.read()
    place = tail.rfind(b"OggS")
    page = tail[place:]
    if place < 0 or len(page) < 27:
        return "its last page is missing"
    sizes = page[27 : 27 + page[26]]
    if len(sizes) < page[26] or len(page) < 27 + len(sizes) + sum(sizes):
        return "its last page is cut"
    return None if page[5] & OGG_LAST else "its last page is missing"


def _boxes_end_early(file: BinaryIO, size: int) -> str | None:
    """MP4: a box that runs past the end, or no index."""
    names: set[bytes] = set()
    for name, end in _boxes(file, size):
        if name in names and name in (b"ftyp", b"moov"):
            raise AudioError(SEVERAL)
        names.add(name)
        if end > size:
            return "it ends in the middle of its sound" if b"moov" in names else "its index is missing"
    return None if b"moov" in names else "its index is missing"


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    place = 0
    while place + 8 <= size:
        file.seek(place)
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
        end = size if length == 0 else place + max(8, length)
        yield name, end
        place = end


def _segment_ends_early(file: BinaryIO, size: int) -> str | None:
    """Matroska and WebM: one segment after a header; live recordings do not tell its size."""
    file.seek(len(MATROSKA))
    file.seek(_variable_size(file) or 0, SEEK_CUR)
    if file.read(len(SEGMENT)) != SEGMENT or (length := _variable_size(file)) is None:
        return None
    there = size - file.tell()
    return _missing(there, length) if there < length else None


def _variable_size(file: BinaryIO) -> int | None:
    """A size whose first bits tell how many bytes it has; None for the one that means unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value
