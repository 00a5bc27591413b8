"""What the report shows, as plain values: collected in one place, rendered in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xtts_finetune.evaluation.decision import Candidate, Decision
from xtts_finetune.records.clips import DroppedClip
from xtts_finetune.records.metrics import EvalRecord


@dataclass(frozen=True)
class Player:
    """One recording to listen to. `source` is a data URI, None where there is nothing to play."""

    label: str
    source: str | None
    seconds: float | None = None
    note: str = ""
    ships: bool = False


@dataclass(frozen=True)
class Sentence:
    """One sentence as every candidate says it."""

    id: str
    text: str
    language: str
    players: tuple[Player, ...]


@dataclass(frozen=True)
class SpokenStep:
    """What was spoken at one step: how much of it is sound, what is wrong with the rest, and some of it to hear."""

    step: int
    passed: int
    spoken: int
    faults: str
    players: tuple[Player, ...]


@dataclass(frozen=True)
class OnTheWay:
    """A phase's speech from step to step."""

    phase: str
    steps: tuple[SpokenStep, ...]


@dataclass(frozen=True)
class CandidateLine:
    """A line of the table of candidates. `mel_change` is a share of the base's mel_ce (-0.3: 30 % lower)."""

    candidate: Candidate
    ships: bool
    mel_change: float | None
    row_verdict: str
    ended: str
    message: str
    level: str
    steps: str
    time: str


@dataclass(frozen=True)
class PhaseSettings:
    """What a phase was declared to do, and when it did it."""

    name: str
    goal: str
    status: str
    settings: Mapping[str, str]


@dataclass(frozen=True)
class DatasetLine:
    """One data set: its kept clips with their length in seconds, and those held out for the eval set."""

    name: str
    clips: int
    seconds: float
    eval_clips: int
    dropped: int


@dataclass(frozen=True)
class DataSummary:
    """The clips of the whole pipeline."""

    datasets: tuple[DatasetLine, ...]
    dropped: tuple[DroppedClip, ...]
    eval_seed: int

    @property
    def total(self) -> DatasetLine:
        """All data sets together."""
        lines = self.datasets
        return DatasetLine(
            "all",
            sum(line.clips for line in lines),
            sum(line.seconds for line in lines),
            sum(line.eval_clips for line in lines),
            sum(line.dropped for line in lines),
        )


@dataclass(frozen=True)
class Curves:
    """The same curves as inline SVG for wide and for narrow screens, and in words for who cannot see them."""

    wide: str
    narrow: str
    words: str


@dataclass(frozen=True)
class Report:
    """Everything on the page, in its order."""

    title: str
    language: str
    base: str
    made: str
    decision: Decision
    matrix_file: str
    candidates: tuple[CandidateLine, ...]
    curves: Curves | None
    evaluations: Sequence[tuple[str, EvalRecord]]
    recordings: tuple[Player, ...]
    sentences: tuple[Sentence, ...]
    on_the_way: tuple[OnTheWay, ...]
    phases: tuple[PhaseSettings, ...]
    data: DataSummary | None
    settings: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def shipped(self) -> CandidateLine | None:
        """The candidate that ships."""
        return next((line for line in self.candidates if line.ships), None)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The phases that have not come to their end."""
        candidates = [line.candidate for line in self.candidates]
        return tuple(c.name for c in candidates if c.name != "base" and c.status != "done")

    @property
    def measured_base(self) -> Candidate | None:
        """The base, where it has been evaluated."""
        bases = [line.candidate for line in self.candidates if line.candidate.name == "base"]
        return next((base for base in bases if base.mel_ce is not None), None)
