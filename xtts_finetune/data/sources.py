"""Remembers which sound an audio file holds and what was measured of it, so that a second run reads no audio."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from xtts_finetune.data.measures import Measures
from xtts_finetune.records.atomic import atomic_path

# Raise this when a sound is identified or measured in another way: what was noted before is then read anew.
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Source:
    """The sound of a file: its identity, its length in samples at 22 050 Hz, what was measured of it."""

    sha256: str
    samples: int
    measures: Measures


Stamp = tuple[str, int, int]  # path, size, time of change in ns


def stamp_of(audio: Path) -> Stamp:
    """What tells a file from itself after a change. Raises OSError if it cannot be looked at."""
    status = audio.stat()
    return str(audio), status.st_size, status.st_mtime_ns


class Sources:
    """An append-only file of what was read; a line that was cut off by a kill is ignored.

    After a whole run it is rewritten with the files kept in that run alone, so that it does not grow. In memory
    a file takes about 300 bytes: what is known of it from before stays packed until somebody asks. `get` may be
    called from several threads; `keep` is for one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[bytes, bytes | None] = _read(path)
        self._kept = path.with_name(f".{path.name}.kept.{os.getpid()}.tmp")
        self._open: dict[Path, IO[str]] = {}

    def get(self, stamp: Stamp) -> Source | None:
        """What is known of a file that has not changed since."""
        packed = self._known.get(_key(stamp))
        return None if packed is None else _unpacked(json.loads(packed))

    def keep(self, stamp: Stamp, source: Source) -> None:
        """Note the sound of a file: for this run if it was just read, and for what `tidy` leaves."""
        line = json.dumps([FORMAT, *stamp, *_packed(source)]) + "\n"
        key = _key(stamp)
        if key not in self._known:
            # That it is written is all that this run asks of it again: what was read is with whoever read it.
            self._known[key] = None
            self._append(self._path, line)
        self._append(self._kept, line)

    def tidy(self) -> None:
        """Rewrite the file with what this run kept, in that order; called at the end of a whole run."""
        self._close()
        with atomic_path(self._path) as temporary:
            temporary.write_bytes(self._kept.read_bytes() if self._kept.is_file() else b"")
        self._kept.unlink(missing_ok=True)

    def _append(self, path: Path, line: str) -> None:
        file = self._open.get(path)
        if file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # ASCII alone: a torn line can then never be broken UTF-8.
            anew = path == self._kept
            file = self._open[path] = path.open("w" if anew else "a", encoding="ascii", newline="\n")
            if not anew:
                file.write("\n")  # a line torn by a kill must not take this run's first line with it
        file.write(line)
        if path == self._path:
            file.flush()

    def _close(self) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()

    def __enter__(self) -> Sources:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._kept.unlink(missing_ok=True)


def _key(stamp: Stamp) -> bytes:
    return hashlib.blake2b(json.dumps(stamp).encode(), digest_size=16).digest()


def _packed(source: Source) -> list[Any]:
    return [source.sha256, source.samples, *source.measures.as_list()]


def _unpacked(packed: list[Any]) -> Source:
    sha256, samples, *readings = packed
    return Source(str(sha256), int(samples), Measures(*map(float, readings)))


def _read(path: Path) -> dict[bytes, bytes | None]:
    known: dict[bytes, bytes | None] = {}
    if not path.is_file():
        return known
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                version, name, size, changed, *packed = json.loads(line)
                _unpacked(packed)
            except (ValueError, TypeError):
                continue
            if version == FORMAT:
                known[_key((str(name), int(size), int(changed)))] = json.dumps(packed).encode()
    return known
