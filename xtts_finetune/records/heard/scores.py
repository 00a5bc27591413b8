"""`scores.json`: what the instruments read from a candidate's utterances, one by one and together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from xtts_finetune.records.atomic import json_or_none, write_json_atomic

State = Literal["measured", "not measured"]
# Everything else in scores.json is a mean, and everything else in an utterance a reading.
FIXED_KEYS = ("candidate", "fingerprint", "gate_failures", "spoken", "faults", "instruments", "utterances")
UTTERANCE_KEYS = ("id", "seed", "file", "text", "faults", "findings", "seconds", "pace")
# What one instrument read from one utterance: a number, words, or nothing.
Reading = float | str | None


@dataclass(frozen=True)
class InstrumentState:
    """Whether an instrument was read, and if not, why; `unit` and `source` are for people."""

    unit: str
    source: str
    state: State
    why: str = ""


@dataclass(frozen=True)
class UtteranceScores:
    """What was read from one utterance.

    faults         names of what is wrong with it; none if it is sound
    findings       the same in words, with what was found and the limit
    seconds, pace  length, and characters a second
    readings       by the names of evaluation/instruments; None where an instrument has nothing to say
    """

    id: str
    seed: int
    file: str
    text: str
    faults: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    seconds: float = 0.0
    pace: float = 0.0
    readings: Mapping[str, Reading] = field(default_factory=dict)

    def number(self, name: str) -> float | None:
        """The reading of that name; None where there is none, or words."""
        value = self.readings.get(name)
        return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True)
class Scores:
    """All scores of a candidate.

    fingerprint  one hash over everything that they depend on
    averaged     the readings whose mean says how good a candidate is
    """

    candidate: str
    fingerprint: str
    instruments: Mapping[str, InstrumentState]
    utterances: tuple[UtteranceScores, ...]
    averaged: tuple[str, ...] = ()

    @property
    def spoken(self) -> int:
        """How many utterances there are."""
        return len(self.utterances)

    @property
    def gate_failures(self) -> int:
        """How many of them have a fault."""
        return sum(bool(utterance.faults) for utterance in self.utterances)

    @property
    def faults(self) -> dict[str, int]:
        """How many utterances have each fault, the most frequent first."""
        counts = Counter(name for utterance in self.utterances for name in set(utterance.faults))
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def mean(self, name: str) -> float | None:
        """The mean of a reading over the utterances that have it; None if none has."""
        known = [value for one in self.utterances if (value := one.number(name)) is not None and math.isfinite(value)]
        return fmean(known) if known else None

    def to_json(self) -> dict[str, Any]:
        """As scores.json holds it, with means next to the single readings."""
        return {
            "candidate": self.candidate,
            "fingerprint": self.fingerprint,
            "gate_failures": self.gate_failures,
            "spoken": self.spoken,
            "faults": self.faults,
            **{name: self.mean(name) for name in self.averaged},
            "instruments": {name: asdict(state) for name, state in self.instruments.items()},
            "utterances": [_flat(utterance) for utterance in self.utterances],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Scores:
        """Read back what `to_json` wrote; keys that a later version added are passed over.

        Raises KeyError for a key that is missing, TypeError or ValueError for a value of a wrong kind.
        """
        return cls(
            candidate=str(record["candidate"]),
            fingerprint=str(record["fingerprint"]),
            instruments={str(name): _instrument(state) for name, state in dict(record["instruments"]).items()},
            utterances=tuple(_utterance(utterance) for utterance in list(record["utterances"])),
            averaged=tuple(
                name
                for name, value in record.items()
                if name not in FIXED_KEYS and isinstance(value, float | int | None)
            ),
        )


def write_scores(path: Path, scores: Scores) -> None:
    """Write scores.json, whole or not at all."""
    write_json_atomic(path, scores.to_json())


def read_scores(path: Path) -> Scores | None:
    """The scores in `path`; None if there are none, or none that can be read: then they are made again."""
    return json_or_none(path, Scores.from_json)


def _instrument(record: Mapping[str, Any]) -> InstrumentState:
    state: State = "measured" if record["state"] == "measured" else "not measured"
    return InstrumentState(str(record["unit"]), str(record["source"]), state, str(record.get("why", "")))


def _flat(utterance: UtteranceScores) -> dict[str, Any]:
    """As scores.json holds it: the readings stand among the other keys."""
    whole = asdict(utterance)
    readings = whole.pop("readings")
    return {**whole, **readings}


def _utterance(record: Mapping[str, Any]) -> UtteranceScores:
    return UtteranceScores(
        id=str(record["id"]),
        seed=int(record["seed"]),
        file=str(record["file"]),
        text=str(record["text"]),
        faults=tuple(str(name) for name in list(record["faults"])),
        findings=tuple(str(finding) for finding in list(record.get("findings", ()))),
        seconds=float(record["seconds"]),
        pace=float(record["pace"]),
        readings={
            name: value
            for name, value in record.items()
            if name not in UTTERANCE_KEYS and isinstance(value, float | int | str | None)
        },
    )
