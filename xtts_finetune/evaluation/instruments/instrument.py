"""What an instrument is: one record, with the sound that it is given and the voice that it compares it with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from xtts_finetune.evaluation.instruments.frames import Frames, Wave, frames_of
from xtts_finetune.evaluation.instruments.panel import Panel
from xtts_finetune.records.heard.scores import Reading, UtteranceScores

NOTHING_TO_READ = "nothing in the samples to measure it on"
Better = Literal["higher", "lower", "near the voice's own", "neither"]


@dataclass(frozen=True)
class Sound:
    """`wave` float32 (samples,), mono, at `sample_rate` Hz, and the file that it is from."""

    file: Path
    wave: Wave
    sample_rate: int

    @classmethod
    def of(cls, file: Path) -> Sound:
        """The sound of `file` at its own rate. Raises OSError or ValueError."""
        from xtts_finetune.data.sound.audio import AudioError, read_as_it_is  # noqa: PLC0415  heavy

        try:
            wave, rate = read_as_it_is(file)
        except AudioError as error:
            raise OSError(str(error)) from None
        if not np.isfinite(wave).all():
            raise ValueError(f"{file} holds samples that are not numbers")
        return cls(file, wave, rate)

    @cached_property
    def frames(self) -> Frames:
        """Its frames of 10 ms, worked out once."""
        return frames_of(self.wave, self.sample_rate)

    @property
    def seconds(self) -> float:
        """Its whole length."""
        return len(self.wave) / self.sample_rate


@dataclass(frozen=True)
class Voice:
    """What is usual in the voice's own recordings, as voice.json holds it.

    recordings  how many were measured
    usual       by key, what each instrument's `usual` returned; None where it could not tell
    texts       what the recordings say: what else a recogniser might have heard
    """

    fingerprint: str = ""
    recordings: int = 0
    usual: Mapping[str, Any] = field(default_factory=dict)
    texts: tuple[str, ...] = ()

    def number(self, key: str) -> float | None:
        """What is usual of `key`; None where that is not known, or is no number."""
        value = self.usual.get(key)
        return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True)
class Take:
    """One sound of a voice, with what instruments want to know of it.

    spelled    the text with its numbers in words, as it is pronounced
    panel      lends the models that instruments need
    voice      what it is compared with; knows nothing while the voice's own recordings are measured
    recording  of the same line, where there is one that can be read
    speed      how many times as fast as usual it was to be spoken
    others     gives what else might have been said, with numbers in words
    """

    sound: Sound
    text: str
    language: str
    spelled: str
    panel: Panel
    voice: Voice = field(default_factory=Voice)
    recording: Sound | None = None
    speed: float = 1.0
    others: Callable[[], Sequence[str]] = tuple


@dataclass(frozen=True)
class Fault:
    """One reading beyond its limit."""

    name: str
    found: float
    limit: float
    unit: str

    def __str__(self) -> str:
        return f"{self.name}: {self.found:.3g} {self.unit}, limit {self.limit:.3g}"


@dataclass(frozen=True)
class Shown:
    """A reading as the report shows it with a player: its key in scores.json, its name and how it is written."""

    key: str
    name: str
    layout: str


@dataclass(frozen=True)
class Instrument:
    """One instrument, with everything that the house knows of it.

    name      of its reading in scores.json; `also` names further ones that come with it
    unit      of the reading, and `source`, the paper or the standard: for people
    better    which readings are good; the mean of those where higher or lower is better is kept of each candidate
    read      gives the readings of a take by their names; those that it leaves out were not to be had
    note      what is remembered of one recording of the voice; unless given, the reading
    usual     what the notes of all recordings say together, by the keys of voice.json; unless given, their median
    fault     what it is called when `judge` returns something
    judge     (found, limit, unit) where a take is too far from the voice's own recordings, else None
    shown     which readings the report shows with a player
    meaning   what the report's list of words says of it, '' for nothing; it is called as `shown` calls it first
    card      how the model card writes the mean, '' for not at all
    packages  those whose versions the readings depend on
    optional  whether it wants a package that need not be installed
    slow      whether it takes half a second a sound: it then hears only some of the voice's recordings
    in_turn   whether it adapts to the sounds before: it then hears them in their order, and always reads the same
    nothing   why nothing was read although everything is installed
    version   raised when it begins to read the same sound otherwise, so that old scores count as out of date. A new
              instrument starts at 1; those with 0 were there before instruments had versions.
    """

    name: str
    unit: str
    source: str
    better: Better
    read: Callable[[Take], Mapping[str, Reading]]
    also: tuple[str, ...] = ()
    note: Callable[[Take], Any] | None = None
    usual: Callable[[Sequence[Any]], Mapping[str, Any]] | None = None
    fault: str = ""
    judge: Callable[[Take, UtteranceScores], tuple[float, float, str] | None] | None = None
    shown: tuple[Shown, ...] = ()
    meaning: str = ""
    card: str = ""
    packages: tuple[str, ...] = ()
    optional: bool = False
    slow: bool = False
    in_turn: bool = False
    nothing: str = NOTHING_TO_READ
    version: int = 1

    @property
    def averaged(self) -> bool:
        """Whether its mean over utterances says how good a candidate is."""
        return self.better in ("higher", "lower")

    def readings(self, take: Take) -> dict[str, Reading]:
        """All its readings of a take, None for those that were not to be had."""
        found = self.read(take)
        return {key: found.get(key) for key in (self.name, *self.also)}

    def remember(self, take: Take) -> Any:
        """What is remembered of one recording of the voice; None for nothing."""
        return self.note(take) if self.note else self.read(take).get(self.name)

    def usual_of(self, notes: Sequence[Any]) -> Mapping[str, Any]:
        """What is usual in the voice's recordings, from what was remembered of each."""
        known = [note for note in notes if note is not None]
        if self.usual:
            return self.usual(known)
        return {self.name: float(np.median(known)) if known else None}

    def faults(self, take: Take, scores: UtteranceScores) -> list[Fault]:
        """Its fault, if `scores`, read from the take, are too far from the voice's recordings."""
        beyond = self.judge(take, scores) if self.judge else None
        return [] if beyond is None else [Fault(self.fault, *beyond)]


def deviation(values: Sequence[float]) -> float:
    """Robust standard deviation: of a normal distribution, from the median of the distances to the median."""
    return float(MAD_TO_DEVIATION * np.median(np.abs(np.array(values) - np.median(values))))


MAD_TO_DEVIATION = 1.4826
