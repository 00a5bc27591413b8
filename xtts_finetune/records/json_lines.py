"""Files of one JSON object a line: appended to while a run goes on, read while others write."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import strict_json


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
        record = json.loads(line.decode("utf-8"))
    except ValueError as error:
        raise UserError(f"{path}:{number}: this line is no JSON: {error}; remove the line") from None
    if not isinstance(record, dict):
        raise UserError(f"{path}:{number}: expected a JSON object but got {line[:60]!r}; remove the line")
    return record


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
