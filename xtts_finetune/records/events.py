"""Progress of jobs that are no phase, one record a line: a child writes, its parent reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.records.json_lines import JsonLinesTail, JsonLinesWriter, read_json_lines


@dataclass(frozen=True)
class Progress:
    """`done` of `total` are finished; `what` says in words what is being worked on."""

    done: int
    total: int
    what: str


class EventWriter:
    """Writes a job's progress. A new writer starts a new file: a job's progress begins at nothing."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._lines = JsonLinesWriter(path)

    def progress(self, done: int, total: int, what: str) -> None:
        """Say how far the job is."""
        self._lines.write({"kind": "progress", "done": done, "total": total, "what": what})

    def note(self, message: str) -> None:
        """Say something aloud that the user should know."""
        self._lines.write({"kind": "note", "message": message})

    def failed(self, message: str) -> None:
        """Say on one line why the job ends without having done its work."""
        self._lines.write({"kind": "failed", "message": message})

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._lines.close()

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class ProgressTail:
    """Follows a job's progress while it runs."""

    def __init__(self, path: Path) -> None:
        self._tail = JsonLinesTail(path)

    def latest(self) -> Progress | None:
        """The newest progress since the last call, or None when nothing new was said."""
        records = [record for record in self._tail.new() if record.get("kind") == "progress"]
        if not records:
            return None
        last = records[-1]
        return Progress(int(last["done"]), int(last["total"]), str(last["what"]))

    def notes(self) -> list[str]:
        """What was said aloud since the last call."""
        return [str(record["message"]) for record in self._tail.new() if record.get("kind") == "note"]


def failure_of(path: Path) -> str | None:
    """What a job said about its own failure, or None."""
    messages = [
        str(record["message"]) for _, record in read_json_lines(path) if record.get("kind") == "failed"
    ]
    return messages[-1] if messages else None
