"""A file of weights whose table of contents was read: what is in it, and where each tensor's values lie."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from xtts_finetune.xtts.weights.file_kind import readable_size
from xtts_finetune.xtts.weights.stored_tensors import NotRead

AGAIN = "copy or download it again"
LONGEST_TABLE = (
    64 << 20
)  # bytes of a table of contents; that of a checkpoint with its optimizer has 2 million
# What zipfile raises for a damaged archive: a flipped bit may pass for another version, a password, a letter.
DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    LookupError,
    struct.error,
)


@dataclass(frozen=True)
class Place:
    """Where the values of a storage lie: bytes `start` to `start` + `size` of the file, and the CRC-32 that the file
    has of them. `part` names them in a zip file; one that is packed there has no `start`."""

    start: int | None
    size: int
    crc32: int | None = None
    part: str = ""


@dataclass(frozen=True)
class Container:
    """A file's content: `tree` with `StoredTensor` for each tensor, and the places of their storages by key."""

    path: Path
    kind: str
    tree: object
    places: Mapping[str, Place] = field(default_factory=dict)


def chunks_of(container: Container, place: Place, size: int = 1 << 20) -> Iterator[bytes]:
    """The values at a place, in chunks of `size` bytes. Raises NotRead where the file is damaged there."""
    left = place.size
    try:
        with _opened(container.path, place) as file:
            while left > 0:
                chunk = file.read(min(size, left))
                if not chunk:
                    raise NotRead(not_whole(container.path))
                left -= len(chunk)
                yield chunk
    except DAMAGED_ZIP as error:
        raise NotRead(f"this file is damaged ({error}); {AGAIN}") from None


@contextmanager
def _opened(path: Path, place: Place) -> Iterator[IO[bytes]]:
    if place.start is None:
        with zipfile.ZipFile(path) as archive, archive.open(place.part) as part:
            yield part
        return
    with path.open("rb") as file:
        file.seek(place.start)
        yield file


def not_whole(path: Path) -> str:
    """What is said of a file that ends before its table of contents says."""
    size = readable_size(path.stat().st_size)
    return f"this file is not whole: it ends after {size}; {AGAIN}"
