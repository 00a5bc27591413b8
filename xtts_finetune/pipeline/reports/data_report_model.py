"""What DATA.html shows, as plain values."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from xtts_finetune.look.charts import Histogram
from xtts_finetune.records.clips import ClipRecord, ClipWarning, DroppedClip


def floats() -> array[float]:
    """An empty array of numbers, four bytes each: there may be very many clips."""
    return array("f")


@dataclass
class SetLine:
    """One data set: `rates` are characters a second, of the text that the model sees."""

    name: str
    clips: int = 0
    seconds: float = 0.0
    eval_clips: int = 0
    dropped: int = 0
    warned: int = 0
    speakers: set[str] = field(default_factory=set)
    languages: set[str] = field(default_factory=set)
    lengths: array[float] = field(default_factory=floats)
    rates: array[float] = field(default_factory=floats)


def total_of(lines: Iterable[SetLine]) -> SetLine:
    """All data sets together, in numbers; their speakers, languages and lengths stay with each."""
    whole = SetLine("all")
    for line in lines:
        for name in ("clips", "seconds", "eval_clips", "dropped", "warned"):
            setattr(whole, name, getattr(whole, name) + getattr(line, name))
    return whole


@dataclass(frozen=True)
class LeftOut:
    """The clips that were left out for one reason: how many, what to fix, the first of them."""

    reason: str
    cure: str
    count: int
    clips: tuple[DroppedClip, ...]


@dataclass(frozen=True)
class Piece:
    """Some words of a text, and whether they are other ones on the other side."""

    words: str
    changed: bool


@dataclass(frozen=True)
class OddClip:
    """A clip with one of its warnings; `source` is its sound, where there is room for it in the page.

    written, heard   the text and what a recogniser heard, where the warning is about that
    """

    clip: ClipRecord
    warning: ClipWarning
    link: str
    source: str = ""
    written: tuple[Piece, ...] = ()
    heard: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Oddity:
    """All clips with one kind of warning: how many, what to do, the worst of them first."""

    kind: str
    advice: str
    count: int
    clips: tuple[OddClip, ...]


@dataclass(frozen=True)
class Reading:
    """A text as it was written and as the model sees it."""

    language: str
    dataset: str
    place: str
    written: tuple[Piece, ...]
    seen: tuple[Piece, ...]


@dataclass(frozen=True)
class DataPage:
    """The whole page. `changed` counts the texts that the model sees otherwise; `readings` are some of them."""

    title: str
    base: str
    datasets: tuple[SetLine, ...]
    histograms: tuple[Histogram, ...]
    left_out: tuple[LeftOut, ...]
    oddities: tuple[Oddity, ...]
    readings: tuple[Reading, ...]
    changed: int

    @property
    def total(self) -> SetLine:
        """All data sets together."""
        return total_of(self.datasets)


@dataclass
class Tallies:
    """What is counted while the clips are read once."""

    sets: dict[str, SetLine] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    changed: int = 0
    readings: list[Reading] = field(default_factory=list)
