"""`search.json`: what came out of a search for a phase's values. Plain numbers and words, read without torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import write_json_atomic

VERSION = 1


@dataclass(frozen=True)
class Found:
    """A trial. `values` are the phase's by dotted key; `out_at` is the mark (in evaluations) at which it left.

    `points` are its evaluations as (clips seen, mel_ce).
    """

    number: int
    name: str
    values: dict[str, Any]
    status: str
    message: str
    out_at: int | None
    steps: int
    clips: int
    seconds: float
    best: float | None
    best_step: int | None
    points: tuple[tuple[int, float | None], ...] = ()


@dataclass(frozen=True)
class Search:
    """A search. Marks count evaluations; `threshold` is what a gain over the declared values must exceed (nats).

    `importance` is each key's share in how the trials differ at the first mark, where all were judged.
    """

    phase: str
    over: bool
    words: str
    seed: int
    marks: tuple[int, ...]
    eval_every: int
    start: str
    threshold: float | None
    importance: dict[str, float]
    seconds: float
    declared: Found
    trials: tuple[Found, ...]

    @property
    def ranked(self) -> tuple[Found, ...]:
        """Those that went furthest first, among them the lowest mel_ce first."""
        return tuple(sorted(self.trials, key=_place))

    @property
    def best(self) -> Found | None:
        """The best trial; None where none has a number."""
        first = next(iter(self.ranked), None)
        return first if first is not None and first.best is not None else None


def _place(found: Found) -> tuple[float, bool, float, int]:
    left = float("inf") if found.out_at is None else found.out_at
    return (-left, found.best is None, found.best or 0.0, found.number)


def write_search(path: Path, search: Search) -> None:
    """Write search.json."""
    write_json_atomic(path, {"version": VERSION, **asdict(search)})


def read_search(path: Path) -> Search | None:
    """Read it back, None where there is none. Raises UserError for what is no search of this version."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("version") != VERSION:
            raise ValueError("it is of another version")
        trials = tuple(_found(each) for each in content.pop("trials"))
        declared = _found(content.pop("declared"))
        marks = tuple(int(mark) for mark in content.pop("marks"))
        return Search(**content, marks=marks, declared=declared, trials=trials)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: no search ({error}); run it again: xtts-finetune search") from None


def _found(content: dict[str, Any]) -> Found:
    points = tuple((int(clips), value) for clips, value in content.pop("points"))
    return Found(**content, points=points)
