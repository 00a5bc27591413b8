"""Files of one JSON object a line: appended to while a run goes on, read and followed while others write.

The pipeline stops at a damaged record; whoever only follows a file counts it and reads on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from xtts_finetune.errors import UserError
from xtts_finetune.records.values import parse_object, strict_json

# At most this much of a file is in memory at a time, and parsed in one go: meanwhile no page is served.
CHUNK_BYTES = 2 << 20
# So many bytes at its start and before the place read up to tell whether a file is still the same one.
PROBE_BYTES = 256


@dataclass(frozen=True)
class Batch:
    """Whole lines of a file. `anew` says that the file was made anew: what was read before is void."""

    text: bytes = b""
    anew: bool = False

    def parse(self) -> tuple[list[dict[str, Any]], int]:
        """The records in their order, and how many lines hold none."""
        return parsed(self.text)


class Follower:
    """Reads a growing file piece by piece; a file that was replaced or shortened is read from its start."""

    def __init__(self, path: Path, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._path = path
        self._chunk_bytes = chunk_bytes
        self._offset = 0
        self._head = b""
        self._before = b""

    def new(self) -> Iterator[Batch]:
        """Batches of what came since the last call; none where nothing did, or the file cannot be read."""
        try:
            with self._path.open("rb") as file:
                if self._offset and not self._still_same(file):
                    self._offset, self._head, self._before = 0, b"", b""
                    yield Batch(anew=True)
                file.seek(self._offset)
                pending = b""
                while chunk := file.read(self._chunk_bytes):
                    whole, newline, pending = (pending + chunk).rpartition(b"\n")
                    if newline:
                        yield self._take(whole + newline)
        except FileNotFoundError:
            if self._offset:
                self._offset, self._head, self._before = 0, b"", b""
                yield Batch(anew=True)
        except OSError:
            return  # of a file that is being replaced on Windows, or of a share that is gone for a moment

    def _take(self, whole: bytes) -> Batch:
        if len(self._head) < PROBE_BYTES:
            self._head = (self._head + whole)[:PROBE_BYTES]
        self._before = (self._before + whole)[-PROBE_BYTES:]
        self._offset += len(whole)
        return Batch(whole)

    def _still_same(self, file: Any) -> bool:
        """Whether the bytes at the start and before the offset are those that were read."""
        if file.read(len(self._head)) != self._head:
            return False
        file.seek(self._offset - len(self._before))
        return bool(file.read(len(self._before)) == self._before)


def parsed(text: bytes) -> tuple[list[dict[str, Any]], int]:
    """The records of whole lines in their order, and how many lines hold none."""
    lines = [line for line in text.split(b"\n") if line.strip()]
    try:
        # One call for all lines: several times as fast as one for each.
        records = json.loads(b"[" + b",".join(lines) + b"]")
        if len(records) == len(lines) and all(type(record) is dict for record in records):
            return records, 0
    except (ValueError, RecursionError):
        pass
    found = [record for record in map(_whole_record, lines) if record is not None]
    return found, len(lines) - len(found)


def _whole_record(line: bytes) -> dict[str, Any] | None:
    try:
        return parse_object(line)
    except ValueError:
        return None


def json_line(record: Mapping[str, object]) -> bytes:
    """One record as a line of UTF-8 JSON with its newline."""
    text = json.dumps(strict_json(record), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8") + b"\n"


def read_json_lines(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """All whole records with their line numbers; none when there is no file.

    A last line without its newline was torn by a crash, or is still being written: it does not count.
    Raises UserError that names file and line when a whole line is no JSON object.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [(number, _record(path, number, line)) for number, line in enumerate(lines, 1) if line.strip()]


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        return parse_object(line)
    except ValueError as error:
        raise UserError(f"{path}:{number}: damaged ({error}); remove the line") from None


class JsonLinesWriter:
    """Appends records; each is on its way to the disk before `write` returns.

    A line torn by a crash is cut off first: what is appended must not be glued to it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        cut_torn_line(path)
        self._file: BinaryIO = path.open("ab")

    def write(self, record: Mapping[str, object]) -> None:
        """Append one record in one write, so that a reader sees it whole or as a torn last line."""
        self._file.write(json_line(record))
        self._file.flush()

    def sync(self) -> None:
        """Return once everything written so far is on the disk itself."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def __enter__(self) -> JsonLinesWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def cut_torn_line(path: Path) -> None:
    """Cut a last line that has no newline off the file, if there is one."""
    if not path.is_file():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)


class JsonLinesTail:
    """Follows a file that another process appends to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._line = 0

    def new(self) -> list[dict[str, Any]]:
        """The whole records that came since the last call; starts over when the file was made anew.

        Raises UserError that names file and line when a whole line is no JSON object.
        """
        if not self._path.is_file():
            return []
        with self._path.open("rb") as file:
            if self._path.stat().st_size < self._offset:
                self._offset, self._line = 0, 0
            file.seek(self._offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        records = []
        for line in whole.split(b"\n")[:-1]:
            self._line += 1
            if line.strip():
                records.append(_record(self._path, self._line, line))
        return records
