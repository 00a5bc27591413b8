"""One file of a declaration as plain data, with the place of each value and what was found wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xtts_finetune.errors import Problem

# Keys and list positions from the top of a file to a value: ('stop_when', 2, 'limit').
Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """Where a value stands and how it was written."""

    where: str
    """'phases/phase2.yaml:4', or the '--set ...' that gave the value."""
    line: int
    """Line of its key, counted from 1; 0 for a value from the command line."""
    text: str = ""
    """A single value as written, without quotes."""
    quoted: bool = False


@dataclass
class Document:
    """A file's data with its places. Problems are collected here until all files were looked at."""

    name: str
    """The file as messages name it."""
    file: Path
    data: dict[str, Any] | None = None
    """None if the file could not be read: its problem says why."""
    places: dict[Keys, Place] = field(default_factory=dict)
    found: list[tuple[int, Problem]] = field(default_factory=list)
    faulty: set[Keys] = field(default_factory=set)
    """Values that already have a problem, so that one slip makes one message."""

    @property
    def folder(self) -> Path:
        """What the paths in this file are relative to."""
        return self.file.parent

    def place(self, keys: Keys) -> Place:
        """Where a value stands; for one that is missing, where the part stands that should hold it."""
        for length in range(len(keys), -1, -1):
            if keys[:length] in self.places:
                return self.places[keys[:length]]
        return Place(f"{self.name}:1", 1)

    def complain(self, keys: Keys, message: str) -> None:
        """Note that something is wrong with the value at `keys`."""
        place = self.place(keys)
        self.complain_at(place.line, place.where, message)
        self.faulty.add(keys)

    def complain_at(self, line: int, where: str, message: str) -> None:
        """Note a problem that belongs to a line rather than to a value."""
        problem = Problem(where, message)
        if (line, problem) not in self.found:
            self.found.append((line, problem))

    def problems(self) -> list[Problem]:
        """All problems of this file in the order of its lines."""
        return [problem for _, problem in sorted(self.found, key=lambda entry: entry[0])]

    def get(self, *keys: str | int) -> Any:
        """The value at `keys`, or None: for checks that must survive any shape of the data."""
        value: Any = self.data
        for key in keys:
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
                value = value[key]
            else:
                return None
        return value

    def text(self, *keys: str | int) -> str | None:
        """The text at `keys`, or None if there is none."""
        value = self.get(*keys)
        return value if isinstance(value, str) else None

    def entries(self, *keys: str | int) -> Iterator[tuple[int, Any]]:
        """The numbered entries of the list at `keys`; none if it is no list."""
        value = self.get(*keys)
        return iter(enumerate(value)) if isinstance(value, list) else iter(())


def label(keys: Keys) -> str:
    """`keys` as a reader would write them: stop_when[2].limit."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text
