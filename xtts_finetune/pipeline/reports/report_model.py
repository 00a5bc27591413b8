"""What the report shows, as plain values: collected in one place, rendered in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xtts_finetune.evaluation.decision import Candidate, Decision
from xtts_finetune.look.charts import Chart
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.reports.data_report_model import SetLine, total_of
from xtts_finetune.records.clips import DroppedClip
from xtts_finetune.records.heard.listening import ListenerCheck
from xtts_finetune.records.heard.sample_faults import SampleFault
from xtts_finetune.records.metrics import EvalRecord


@dataclass(frozen=True)
class Player:
    """One recording to listen to. `source` is a data URI, None where there is nothing to play.

    faults, readings   what the instruments found wrong with it, and what they read, each with its name
    checked            whether the instruments have heard it
    """

    label: str
    source: str | None
    seconds: float | None = None
    note: str = ""
    ships: bool = False
    faults: tuple[SampleFault, ...] = ()
    readings: tuple[tuple[str, str], ...] = ()
    checked: bool = False


@dataclass(frozen=True)
class Sentence:
    """One sentence as every candidate says it; `number` is its place in their order."""

    id: str
    text: str
    language: str
    players: tuple[Player, ...]
    number: int = 0


@dataclass(frozen=True)
class Hear:
    """What the page opens with: one sentence, each player with the key that plays it.

    text     what is said; '' where nobody has said anything yet
    missing  what there is no player of, in sentences
    """

    text: str
    language: str
    players: tuple[tuple[str, Player], ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class PageLink:
    """Another page, and where it lies; `address` is None where it is not on this computer."""

    words: str
    address: str | None


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
class DataSummary:
    """The clips of the whole pipeline."""

    datasets: tuple[SetLine, ...]
    dropped: tuple[DroppedClip, ...]
    eval_seed: int

    @property
    def total(self) -> SetLine:
        """All data sets together."""
        return total_of(self.datasets)


@dataclass(frozen=True)
class Note:
    """What a listener wrote about a sentence."""

    sentence: str
    pair: str
    listener: str
    text: str


@dataclass(frozen=True)
class Listening:
    """Who listened, which qualities they marked besides the overall one, and what they wrote."""

    listeners: tuple[ListenerCheck, ...]
    qualities: tuple[str, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class EarlierLine:
    """An earlier try of a phase: its name as commands take it, what it takes on the disk, what it was."""

    name: str
    size: str
    facts: str


@dataclass(frozen=True)
class Report:
    """Everything on the page, in its order."""

    title: str
    language: str
    base: str
    made: str
    decision: Decision
    candidates: tuple[CandidateLine, ...]
    curves: Chart | None
    evaluations: Sequence[tuple[str, EvalRecord]]
    listening: Listening | None
    voice: str
    recordings: tuple[Player, ...]
    hear: Hear
    links: tuple[PageLink, ...]
    steps: Sequence[tuple[str, str]]
    sentences: tuple[Sentence, ...]
    words_misheard: str
    on_the_way: tuple[OnTheWay, ...]
    phases: tuple[PhaseSettings, ...]
    earlier: tuple[EarlierLine, ...]
    earlier_words: str
    data: DataSummary | None
    settings: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def shipped(self) -> CandidateLine | None:
        """The candidate that ships."""
        return next((line for line in self.candidates if line.ships), None)

    @property
    def measured_base(self) -> Candidate | None:
        """The base, where it has been evaluated."""
        bases = [line.candidate for line in self.candidates if line.candidate.name == BASE]
        return next((base for base in bases if base.mel_ce is not None), None)

    @property
    def misheard(self) -> bool:
        """Whether it is shown of any sample how much a recogniser misheard."""
        shown = (name for one in self.sentences for item in one.players for name, _ in item.readings)
        return "misheard" in shown
