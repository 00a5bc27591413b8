"""A file's table of contents: which tensors it has, of which type and size, and where the values of each lie."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from xtts_finetune.look.quantities import readable_size

AGAIN = "copy or download it again"
LONGEST_TABLE = 64 << 20  # bytes of a table of contents; that of a checkpoint with its optimizer has 2 million
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
    """The message about a file that ends before its table of contents says it does."""
    size = readable_size(path.stat().st_size)
    return f"this file is not whole: it ends after {size}; {AGAIN}"


# Types of torch's storages and tensors, and bytes of an element. Others are no weights that a model could have.
SIZES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "complex64": 8,
    "complex128": 16,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
    "qint8": 1,
    "quint8": 1,
    "qint32": 4,
    "quint4x2": 1,
    "quint2x4": 1,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2fnuz": 1,
}
# torch's names of storages, and what their elements are.
STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
    "UntypedStorage": "uint8",
}


class NotRead(Exception):
    """A pickle that cannot be read, with the reason."""


@dataclass(frozen=True)
class Storage:
    """The values that tensors share, by the key under which the file has them. `numel` elements of `dtype`."""

    key: str
    dtype: str
    numel: int

    @property
    def bytes(self) -> int:
        """Its size in the file."""
        return self.numel * SIZES[self.dtype]


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of the file: a view of a storage. `offset` and `stride` count elements of `dtype`."""

    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    storage: Storage

    @property
    def numel(self) -> int:
        """How many values it has."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def bytes(self) -> int:
        """The size of its values."""
        return self.numel * SIZES[self.dtype]


def checked_tensor(
    storage: Storage, dtype: str, offset: object, shape: tuple[Any, ...], stride: tuple[Any, ...]
) -> StoredTensor:
    """The tensor that a file's table of contents describes. Raises NotRead if there can be no such one."""
    numbers = (offset, *shape, *stride)
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers) or dtype not in SIZES:
        raise NotRead("its table of contents is damaged (a tensor without a size)")
    tensor = StoredTensor(dtype, shape, stride, cast(int, offset), storage)
    if len(tensor.shape) != len(tensor.stride) or len(tensor.shape) > 16:
        raise NotRead("its table of contents is damaged (a tensor without a size)")
    reach = tensor.offset + 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride, strict=True))
    if tensor.numel and reach * SIZES[dtype] > storage.bytes:
        raise NotRead("its table of contents is damaged (a tensor reaches beyond its values)")
    return tensor
