"""`race.json` and `search.json`: what came out of trials. Plain numbers and words, read without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import write_json_atomic

_SEARCH_VERSION = 1


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
        return tuple(sorted(self.trials, key=_place_of_point))

    @property
    def best(self) -> Found | None:
        """The best trial; None where none has a number."""
        first = next(iter(self.ranked), None)
        return first if first is not None and first.best is not None else None


def _place_of_point(found: Found) -> tuple[float, bool, float, int]:
    left = float("inf") if found.out_at is None else found.out_at
    return (-left, found.best is None, found.best or 0.0, found.number)


def write_search(path: Path, search: Search) -> None:
    """Write search.json."""
    write_json_atomic(path, {"version": _SEARCH_VERSION, **asdict(search)})


def read_search(path: Path) -> Search | None:
    """Read it back, None where there is none. Raises UserError for what is no search of this version."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("version") != _SEARCH_VERSION:
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


VERSION = 2

Verdict = Literal["unfinished", "solved", "nothing helped", "nothing to solve", "too noisy to tell"]
VERDICTS: dict[str, str] = {
    "unfinished": "the race is not over",
    "solved": "a remedy beats the unchanged phase by more than noise",
    "nothing helped": "the phase improves no more, and no remedy changes that by more than noise",
    "nothing to solve": "the unchanged phase still improves by more than noise, and no remedy does better",
    "too noisy to tell": "too few evaluations to tell a difference from noise",
}


@dataclass(frozen=True)
class Standing:
    """How a remedy did. `out_at` is the mark (in evaluations) at which it left, None for one that stayed.

    `points` are its evaluations as (clips seen, mel_ce), so that different batches can be drawn over one axis.
    """

    name: str
    kind: str
    change: str
    why: str
    status: str
    reason: str
    message: str
    out_at: int | None
    steps: int
    clips: int
    seconds: float
    start: float | None
    best: float | None
    best_step: int | None
    last: float | None
    model: str
    points: tuple[tuple[int, float | None], ...] = ()
    repeats: tuple[float, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What a race cost. The same number of clips is the same number of the control's steps.

    seconds, clips   work, and clips seen, of everything that it trained: control, those that left, those that stayed
    five_to_the_end  clips that the five usual remedies would see if each ran to the end, without a control
    most_share       of that, what the race may take
    why_over         why it was planned with more; '' where it was not
    seeds            runs with further seeds, with their own work and clips; they are not in those above
    """

    seconds: float
    clips: int
    five_to_the_end: int
    most_share: float
    why_over: str = ""
    seeds: int = 0
    seeds_seconds: float = 0.0
    seeds_clips: int = 0
    share_of_five: float | None = None


@dataclass(frozen=True)
class Race:
    """A race. Marks count evaluations of the control, and at each but the last one in `cut` goes on; `threshold` is
    what a gain over the control must exceed (nats).
    """

    phase: str
    verdict: Verdict
    winner: str | None
    words: str
    marks: tuple[int, ...]
    cut: int
    eval_every: int
    start: dict[str, Any]
    diagnosis: str
    noise: float | None
    noise_source: str
    threshold: float | None
    cost: Cost
    standings: tuple[Standing, ...]

    def standing(self, name: str) -> Standing:
        """The remedy of this name. Raises KeyError for none."""
        for standing in self.standings:
            if standing.name == name:
                return standing
        raise KeyError(name)

    @property
    def ranked(self) -> tuple[Standing, ...]:
        """Those that went furthest first, among them the lowest mel_ce first."""
        return tuple(sorted(self.standings, key=_place))


def _place(standing: Standing) -> tuple[float, bool, float]:
    left = float("inf") if standing.out_at is None else standing.out_at
    none = standing.best is None
    return (-left, none, 0.0 if standing.best is None else standing.best)


def write_race(path: Path, race: Race) -> None:
    """Write race.json."""
    write_json_atomic(path, {"version": VERSION, **asdict(race)})


def read_race(path: Path) -> Race | None:
    """Read it back, None where there is none. Raises UserError for what is no race of this version."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("version") != VERSION:
            raise ValueError("it is of another version")
        standings = tuple(_standing(each) for each in content.pop("standings"))
        marks = tuple(int(mark) for mark in content.pop("marks"))
        cost = Cost(**content.pop("cost"))
        return Race(**content, marks=marks, cost=cost, standings=standings)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: no race ({error}); run it again: xtts-finetune solve --race") from None


def _standing(content: dict[str, Any]) -> Standing:
    points: Sequence[Sequence[Any]] = content.pop("points")
    repeats = tuple(float(value) for value in content.pop("repeats"))
    return Standing(**content, points=tuple((int(clips), value) for clips, value in points), repeats=repeats)
