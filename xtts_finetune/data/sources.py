"""Remembers which sound an audio file holds and what was measured of it, so that a second run reads no audio."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.findings import Measures
from xtts_finetune.data.outlines import SOUND_BYTES
from xtts_finetune.records.atomic import atomic_path

# How a file is kept in memory: key, sha256 of the sound, samples, measures.
ROW = struct.Struct("<16s32sq6d")
ROWS = np.dtype([("key", "S16"), ("sound", "S32"), ("samples", "<i8"), ("readings", "<f8", (6,))])
Rows = NDArray[np.void]

# Raise this when a sound is identified or measured in another way: what was noted before is then read anew.
FORMAT = 3


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
    a file that was known before takes about 100 bytes, another one none. `get` may be called from several
    threads; `keep` is for one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path)
        self._keys = self._known["key"].copy()  # side by side, as each search would copy them to be
        self._kept = path.with_name(f".{path.name}.kept.{os.getpid()}.tmp")
        self._open: dict[Path, IO[str]] = {}

    def get(self, stamp: Stamp) -> Source | None:
        """What is known from before of a file that has not changed since."""
        key = _key(stamp)
        row = int(np.searchsorted(self._keys, key, side="right")) - 1
        if row < 0 or self._keys[row] != key.rstrip(b"\0"):  # numpy cuts zeros off at the end
            return None
        _, sound, samples, *readings = ROW.unpack(self._known[row].tobytes())
        return Source(sound.hex(), samples, Measures(*readings))

    def keep(self, stamp: Stamp, source: Source) -> None:
        """Note the sound of a file: for this run if it was just read, and for what `tidy` leaves."""
        line = json.dumps([FORMAT, *stamp, *_packed(source)]) + "\n"
        if self.get(stamp) is None:
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


def _read(path: Path) -> Rows:
    """What a file has, by key; the last of a key's rows counts."""
    rows = bytearray()
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                rows += _row(line)
    known = np.frombuffer(rows, ROWS)
    return known[np.argsort(known["key"], kind="stable")]


def _row(line: str) -> bytes:
    """A line's row, or nothing for a line that is torn or of another format."""
    try:
        version, name, size, changed, sound, samples, *readings = json.loads(line)
        if version != FORMAT or len(sound) != 2 * SOUND_BYTES:
            return b""
        key = _key((str(name), int(size), int(changed)))
        return ROW.pack(key, bytes.fromhex(sound), samples, *readings)
    except (ValueError, TypeError, OverflowError, struct.error):
        return b""
