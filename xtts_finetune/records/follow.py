"""Following a file of one JSON object a line: what came since the last look, a torn last line left for later.

Unlike the pipeline, which stops at a damaged record, whoever looks on counts it and goes on looking.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    found = [record for record in map(_record, lines) if record is not None]
    return found, len(lines) - len(found)


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
