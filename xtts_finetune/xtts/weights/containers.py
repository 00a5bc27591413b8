"""What weights come in: torch's zip file, torch's older pickles, safetensors. Only their tables are read here."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.weights.file_kind import not_a_file, not_weights, why_unreadable, zip_of_something_else
from xtts_finetune.xtts.weights.pickle import read_pickle
from xtts_finetune.xtts.weights.safetensors import of_safetensors
from xtts_finetune.xtts.weights.stored_tensors import (
    AGAIN,
    DAMAGED_ZIP,
    LONGEST_TABLE,
    SIZES,
    Container,
    NotRead,
    Place,
    Storage,
    StoredTensor,
    not_whole,
)

# What torch writes in front of a file in its older format.
_OLD_MAGIC = 0x1950A86A20F9469CFC6C
_OLD_PICKLES = 5


class _Budgeted:
    """A file of which a table of contents is read: so many bytes at most, whatever the table says of itself."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = LONGEST_TABLE

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes. Raises NotRead beyond the budget."""
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
    in their order, then of each storage its number of elements (8 bytes) and its values.

    Raises NotRead for what is no such file, or not a whole one.
    """
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


def read_container(path: Path) -> Container:
    """The table of contents of a file of weights, whatever its suffix; no tensor is read, and no code of it runs.

    Raises UserError with the true reason when it cannot be read or is something else.
    """
    try:
        reason = not_a_file(path) or not_weights(path)
        if reason:
            raise UserError(f"{path}: {reason}")
        return _read(path)
    except NotRead as error:
        raise UserError(f"{path}: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: {why_unreadable(path, error)}") from None


def _read(path: Path) -> Container:
    with path.open("rb") as file:
        begins = file.read(16)
        if begins[:2] == b"PK":
            return _of_zip(path, file)
        if begins[8:9] == b"{":
            return of_safetensors(path, file)
        if begins[:1] == b"\x80":
            return of_old_pickles(path, file)
    shown = " ".join(f"{byte:02x}" for byte in begins[:4])
    raise NotRead(f"this is not a file of weights (it begins with the bytes {shown}); name a .pth or .safetensors file")


def _of_zip(path: Path, file: BinaryIO) -> Container:
    _check_directory(path, file)
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {info.filename: info for info in archive.infolist()}
            table = next((name for name in parts if name.rpartition("/")[2] == "data.pkl"), None)
            if table is None:
                raise NotRead(zip_of_something_else(list(parts)))
            folder = table.removesuffix("data.pkl")
            if f"{folder}constants.pkl" in parts or any(name.startswith(f"{folder}code/") for name in parts):
                raise NotRead(
                    "this is a TorchScript program, which can speak but not be trained further; "
                    "name the checkpoint that it was made from"
                )
            order = _byte_order(archive, f"{folder}byteorder", parts)
            tree = read_pickle(io.BytesIO(_small_part(archive, parts[table])))
            within = f"{folder}data/"
            places = {
                name.removeprefix(within): _place_in_zip(file, info)
                for name, info in parts.items()
                if name.startswith(within)
            }
    except zipfile.BadZipFile as error:
        if "file is encrypted" in str(error):
            raise NotRead("this zip file has a password; unpack it first") from None
        raise NotRead(not_whole(path)) from None
    except DAMAGED_ZIP as error:
        raise NotRead(f"this file is damaged ({error}); {AGAIN}") from None
    if order == b"big":
        raise NotRead("its numbers are written the other way round (on a big-endian computer); save it again on a PC")
    return Container(path, "zip", tree, places)


def _check_directory(path: Path, file: BinaryIO) -> None:
    """Raise NotRead for a zip file without an end, or with a directory that would fill the memory."""
    size = path.stat().st_size
    file.seek(max(0, size - 65_557 - 76))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise NotRead(not_whole(path))
    length = int.from_bytes(tail[end + 12 : end + 16], "little")
    if length == 0xFFFFFFFF and (more := tail.rfind(b"PK\x06\x06")) >= 0:
        length = int.from_bytes(tail[more + 40 : more + 48], "little")
    if length > LONGEST_TABLE:
        raise NotRead("its table of contents is far larger than that of a model")


def _small_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    if part.file_size > LONGEST_TABLE:
        raise NotRead("its table of contents is far larger than that of a model")
    try:
        with archive.open(part) as opened:
            return opened.read(LONGEST_TABLE)
    except zipfile.BadZipFile as error:
        reason = "has another CRC-32" if "CRC" in str(error) else "cannot be read"
        raise NotRead(f"this file is damaged (its part {part.filename} {reason}); {AGAIN}") from None


def _byte_order(archive: zipfile.ZipFile, name: str, parts: Mapping[str, zipfile.ZipInfo]) -> bytes:
    return _small_part(archive, parts[name]).strip() if name in parts else b"little"


def _place_in_zip(file: BinaryIO, part: zipfile.ZipInfo) -> Place:
    """Where a part's values begin: behind its own header, whose length is told there alone."""
    start = None
    if part.compress_type == zipfile.ZIP_STORED and not part.flag_bits & 1:
        file.seek(part.header_offset)
        header = file.read(30)
        if header[:4] != b"PK\x03\x04" or len(header) < 30:
            raise NotRead(f"this file is damaged (its part {part.filename} is not in its place); {AGAIN}")
        name, extra = struct.unpack("<HH", header[26:30])
        start = part.header_offset + 30 + name + extra
    return Place(start, part.file_size, part.CRC, part.filename)
