"""`race.json` and `search.json`: what came out of trials. Plain numbers and words, read without torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from xtts_finetune.look.commands import command
from xtts_finetune.records.atomic import read_json, write_json_atomic

_SEARCH_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How a trial did.

    out_at   the mark (in evaluations) at which it left, None for one that stayed
    clips    seen, counted as often as they were seen
    seconds  of work
    best     its lowest mel_ce after the first step (nats), None without a number
    points   its evaluations as (clips seen, mel_ce), so that different batches can be drawn over one axis
    """

    name: str
    status: str
    message: str
    out_at: int | None
    steps: int
    clips: int
    seconds: float
    best: float | None
    best_step: int | None
    points: tuple[tuple[int, float | None], ...] = ()

    @property
    def worth(self) -> tuple[float, bool, float]:
        """Smaller for what ranks higher: who went furthest, and among these the lowest mel_ce."""
        left = float("inf") if self.out_at is None else self.out_at
        return (-left, self.best is None, 0.0 if self.best is None else self.best)


def _places(ranked: Iterable[Judged]) -> dict[str, int]:
    """The place of each by name: equals share one, and the next place follows without a gap."""
    found = list(ranked)
    places = {worth: place for place, worth in enumerate(sorted({each.worth for each in found}), start=1)}
    return {each.name: places[each.worth] for each in found}


@dataclass(frozen=True, kw_only=True)
class Found(Judged):
    """A trial of a search. `values` are the phase's by dotted key."""

    number: int
    values: dict[str, Any]


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
        return tuple(sorted(self.trials, key=lambda found: (found.worth, found.number)))

    @property
    def places(self) -> dict[str, int]:
        """The place of each trial by name; equals share one, and no place is left out."""
        return _places(self.trials)

    @property
    def best(self) -> Found | None:
        """The best trial; None where none has a number."""
        first = next(iter(self.ranked), None)
        return first if first is not None and first.best is not None else None


def write_search(path: Path, search: Search) -> None:
    """Write search.json."""
    write_json_atomic(path, {"version": _SEARCH_VERSION, **asdict(search)})


def read_search(path: Path) -> Search | None:
    """Read it back, None where there is none. Raises UserError for what is no search of this version."""
    if not path.is_file():
        return None
    return read_json(path, _search, "no search", f"run it again: {command('search')}")


def _search(content: dict[str, Any]) -> Search:
    if content.pop("version") != _SEARCH_VERSION:
        raise ValueError("it is of another version")
    trials = tuple(_found(each) for each in content.pop("trials"))
    declared = _found(content.pop("declared"))
    marks = tuple(int(mark) for mark in content.pop("marks"))
    return Search(**content, marks=marks, declared=declared, trials=trials)


def _found(content: dict[str, Any]) -> Found:
    points = tuple((int(clips), value) for clips, value in content.pop("points"))
    return Found(**content, points=points)


VERSION = 2

Verdict = Literal["unfinished", "solved", "nothing helped", "nothing to solve", "too noisy to tell"]
VERDICTS: dict[str, str] = {
    "unfinished": "the race is not over",
    "solved": "a remedy beats the unchanged phase by more than noise",
    "nothing helped": "the phase no longer improves, and no remedy changes that by more than noise",
    "nothing to solve": "the unchanged phase still improves by more than noise, and no remedy does better",
    "too noisy to tell": "too few evaluations to tell a difference from noise",
}


@dataclass(frozen=True, kw_only=True)
class Standing(Judged):
    """How a remedy did.

    kind     'train', 'average', or 'advice' for people, which takes no part in the race
    reason   why it stopped, as STOPPING_REASON.txt says
    start    mel_ce before the first step, `last` that of the newest evaluation (nats)
    model    its best model, relative to the race's folder; '' where there is none
    repeats  the best mel_ce of each seed, where several were tried
    """

    kind: str
    change: str
    why: str
    reason: str
    start: float | None
    last: float | None
    model: str
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
        """Those that went furthest first, among them the lowest mel_ce first; advice last."""
        return tuple(sorted(self.standings, key=lambda standing: (standing.kind == "advice", standing.worth)))

    @property
    def places(self) -> dict[str, int]:
        """The place of each remedy by name, advice left out; equals share one, and no place is left out."""
        return _places(standing for standing in self.standings if standing.kind != "advice")


def write_race(path: Path, race: Race) -> None:
    """Write race.json."""
    write_json_atomic(path, {"version": VERSION, **asdict(race)})


def read_race(path: Path) -> Race | None:
    """Read it back, None where there is none. Raises UserError for what is no race of this version."""
    if not path.is_file():
        return None
    return read_json(path, _race, "no race", f"run it again: {command('solve --race')}")


def _race(content: dict[str, Any]) -> Race:
    if content.pop("version") != VERSION:
        raise ValueError("it is of another version")
    standings = tuple(_standing(each) for each in content.pop("standings"))
    marks = tuple(int(mark) for mark in content.pop("marks"))
    cost = Cost(**content.pop("cost"))
    return Race(**content, marks=marks, cost=cost, standings=standings)


def _standing(content: dict[str, Any]) -> Standing:
    points: Sequence[Sequence[Any]] = content.pop("points")
    repeats = tuple(float(value) for value in content.pop("repeats"))
    return Standing(**content, points=tuple((int(clips), value) for clips, value in points), repeats=repeats)
