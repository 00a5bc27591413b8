"""torch's format of before version 1.6: pickles one after another, then the values of all storages."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from xtts_finetune.xtts.weights.pickle import read_pickle
from xtts_finetune.xtts.weights.places import LONGEST_TABLE, Container, Place, not_whole
from xtts_finetune.xtts.weights.stored_tensors import SIZES, NotRead, Storage, StoredTensor

# What torch writes in front of a file in its older format.
_OLD_MAGIC = 0x1950A86A20F9469CFC6C
_OLD_PICKLES = 5


class _Budgeted:
    """A file of which a table of contents is read: so many bytes at most, whatever the table says of itself."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = LONGEST_TABLE

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes."""
        self._left -= size
        if self._left < 0 or size < 0:
            raise NotRead("its table of contents is far larger than that of a model")
        return self._file.read(size)

    def readline(self) -> bytes:
        """A line with its end."""
        line = self._file.readline(min(self._left, 1 << 20))
        self._left -= len(line)
        return line


def of_old_pickles(path: Path, file: BinaryIO) -> Container:
    """Torch's format of before 1.6: a magic number, two pickles about the computer, the content, the storages' keys
    in their order, then of each storage its number of elements (8 bytes) and its values."""
    file.seek(0)
    size = path.stat().st_size
    pickles: list[object] = []
    try:
        while len(pickles) < _OLD_PICKLES:
            pickles.append(read_pickle(_Budgeted(file)))
            if len(pickles) == 1 and pickles[0] != _OLD_MAGIC:
                return Container(path, "pickle", pickles[0])
        keys = pickles[-1]
        sizes = _storage_sizes(pickles[3])
        places = {}
        for key in keys if isinstance(keys, list) else []:
            numel = int.from_bytes(file.read(8), "little")
            length = numel * sizes.get(str(key), 1)
            places[str(key)] = Place(file.tell(), length)
            if file.tell() + length > size:
                raise NotRead("it ends too early")
            file.seek(length, io.SEEK_CUR)
    except NotRead as error:
        raise NotRead(not_whole(path) if "ends too early" in str(error) else str(error)) from None
    return Container(path, "old pickles", pickles[3], places)


def _storage_sizes(tree: object) -> dict[str, int]:
    """Bytes of an element of each storage, by its key."""
    found: dict[str, int] = {}
    waiting, seen = [tree], set()
    while waiting:
        branch = waiting.pop()
        if isinstance(branch, StoredTensor):
            found[branch.storage.key] = SIZES[branch.storage.dtype]
        elif isinstance(branch, Storage):
            found[branch.key] = SIZES[branch.dtype]
        elif id(branch) not in seen:
            seen.add(id(branch))
            waiting += _branches(branch)
    return found


def _branches(branch: object) -> list[object]:
    if isinstance(branch, dict):
        return list(branch.values())
    if isinstance(branch, list | tuple):
        return list(branch)
    inner = [getattr(branch, "state", None), *getattr(branch, "arguments", ())]
    return [part for part in inner if part is not None]
