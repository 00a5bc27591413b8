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
    """Writes a job's progress. A new writer starts a new file: a job's progress begins at nothing.

    Unless it is not to begin `anew`: several processes of one job write one after another.
    """

    def __init__(self, path: Path, anew: bool = True) -> None:
        if anew:
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


@dataclass(frozen=True)
class News:
    """What a job said since it was last listened to: its newest progress, if any, and what it said aloud."""

    progress: Progress | None
    notes: list[str]


class EventTail:
    """Follows a job's events while it runs."""

    def __init__(self, path: Path) -> None:
        self._tail = JsonLinesTail(path)

    def new(self) -> News:
        """What was said since the last call."""
        progress, notes = None, []
        for record in self._tail.new():
            if record.get("kind") == "progress":
                progress = Progress(int(record["done"]), int(record["total"]), str(record["what"]))
            elif record.get("kind") == "note":
                notes.append(str(record["message"]))
        return News(progress, notes)


def failure_of(path: Path) -> str | None:
    """What a job said about its own failure, or None."""
    messages = [
        str(record["message"]) for _, record in read_json_lines(path) if record.get("kind") == "failed"
    ]
    return messages[-1] if messages else None
