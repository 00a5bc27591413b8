"""Remembers which sound an audio file holds, so that a second run reads no audio again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from xtts_finetune.records.atomic import write_text_atomic


@dataclass(frozen=True)
class Source:
    """The sound of a file: its identity and its length in samples at 22 050 Hz."""

    sha256: str
    samples: int


Stamp = tuple[str, int, int]  # path, size, time of change in ns


class Sources:
    """An append-only file of what was read; a line that was cut off by a kill is ignored.

    After a whole run it is rewritten with the files asked for in that run alone, so that it does not grow.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path)
        self._asked: dict[Stamp, Source] = {}
        self._file: IO[str] | None = None

    def get(self, audio: Path) -> Source | None:
        """What is known of a file that has not changed since. Raises OSError if it cannot be looked at."""
        stamp = _stamp(audio)
        source = self._known.get(stamp)
        if source is not None:
            self._asked[stamp] = source
        return source

    def remember(self, audio: Path, source: Source) -> None:
        """Note the sound of a file that was just read."""
        stamp = _stamp(audio)
        self._known[stamp] = self._asked[stamp] = source
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8", newline="\n")
            # A line torn by a kill must not take this run's first line with it.
            self._file.write("\n")
        self._file.write(_line(stamp, source))
        self._file.flush()

    def tidy(self) -> None:
        """Rewrite the file with what this run asked for; called at the end of a whole run."""
        self._close()
        tidy = "".join(_line(stamp, source) for stamp, source in self._asked.items())
        if not self._path.is_file() or self._path.read_text(encoding="utf-8", errors="replace") != tidy:
            write_text_atomic(self._path, tidy)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Sources:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


def _stamp(audio: Path) -> Stamp:
    status = audio.stat()
    return str(audio), status.st_size, status.st_mtime_ns


def _line(stamp: Stamp, source: Source) -> str:
    # ASCII alone: a torn line can then never be broken UTF-8.
    return json.dumps([*stamp, source.sha256, source.samples]) + "\n"


def _read(path: Path) -> dict[Stamp, Source]:
    known: dict[Stamp, Source] = {}
    if not path.is_file():
        return known
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                name, size, changed, sha256, samples = json.loads(line)
                known[str(name), int(size), int(changed)] = Source(str(sha256), int(samples))
            except (ValueError, TypeError):
                continue
    return known
