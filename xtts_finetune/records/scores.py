"""`scores.json`: what the instruments read from a candidate's utterances, one by one and together."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from xtts_finetune.records.atomic import write_json_atomic

State = Literal["measured", "not measured"]


@dataclass(frozen=True)
class InstrumentState:
    """Whether an instrument was read, and if not, why; `unit` and `source` are for people."""

    unit: str
    source: str
    state: State
    why: str = ""


@dataclass(frozen=True)
class UtteranceScores:
    """What was read from one utterance; None where an instrument has nothing to say.

    faults               names of what is wrong with it; none if it is sound
    findings             the same in words, with what was found and the limit
    seconds, pace        length, and characters a second
    level_lufs           loudness, LUFS
    f0_median_hz         median pitch of what is voiced
    f0_spread_semitones  standard deviation of the pitch
    duration_ratio       length of the speech over that of its recording, or over the voice's usual one
    similarity           of the voice: 1.0 is as similar as its recordings are among themselves
    noise_mos            DNSMOS's mark for the background, 1 to 5: no mark of naturalness
    mcd_db               mel-cepstral distance to the line's recording, dB
    cer                  character error rate of what a recogniser heard, 0 to 1 and beyond
    heard                what the recogniser heard
    text_margin          by how much that is nearer to its own text than to another, as a share of the letters
    treble_db            power above 4 kHz over that beneath, dB
    """

    id: str
    seed: int
    file: str
    text: str
    faults: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    seconds: float = 0.0
    pace: float = 0.0
    level_lufs: float | None = None
    f0_median_hz: float | None = None
    f0_spread_semitones: float | None = None
    duration_ratio: float | None = None
    similarity: float | None = None
    noise_mos: float | None = None
    mcd_db: float | None = None
    cer: float | None = None
    heard: str | None = None
    text_margin: float | None = None
    treble_db: float | None = None


@dataclass(frozen=True)
class Scores:
    """All scores of a candidate. `fingerprint` is one hash over everything that they depend on."""

    candidate: str
    fingerprint: str
    instruments: Mapping[str, InstrumentState]
    utterances: tuple[UtteranceScores, ...]

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

    @property
    def similarity(self) -> float | None:
        """Mean over the utterances that have one, as for the others."""
        return _mean([utterance.similarity for utterance in self.utterances])

    @property
    def noise_mos(self) -> float | None:
        """Mean of DNSMOS's mark for the background."""
        return _mean([utterance.noise_mos for utterance in self.utterances])

    @property
    def mcd_db(self) -> float | None:
        """Mean mel-cepstral distance of the held-out lines, dB."""
        return _mean([utterance.mcd_db for utterance in self.utterances])

    @property
    def cer(self) -> float | None:
        """Mean character error rate."""
        return _mean([utterance.cer for utterance in self.utterances])

    def to_json(self) -> dict[str, Any]:
        """As scores.json holds it, with the means beside the single readings."""
        return {
            "candidate": self.candidate,
            "fingerprint": self.fingerprint,
            "gate_failures": self.gate_failures,
            "spoken": self.spoken,
            "faults": self.faults,
            "similarity": self.similarity,
            "noise_mos": self.noise_mos,
            "mcd_db": self.mcd_db,
            "cer": self.cer,
            "instruments": {name: asdict(state) for name, state in self.instruments.items()},
            "utterances": [asdict(utterance) for utterance in self.utterances],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Scores:
        """Read back what `to_json` wrote; keys that a later version added are passed over.

        Raises KeyError for a key that is missing, TypeError or ValueError for a value of a wrong kind.
        """
        return cls(
            candidate=str(record["candidate"]),
            fingerprint=str(record["fingerprint"]),
            instruments={
                str(name): _instrument(state) for name, state in dict(record["instruments"]).items()
            },
            utterances=tuple(_utterance(utterance) for utterance in list(record["utterances"])),
        )


def write_scores(path: Path, scores: Scores) -> None:
    """Write scores.json, whole or not at all."""
    write_json_atomic(path, scores.to_json())


def read_scores(path: Path) -> Scores | None:
    """The scores in `path`; None if there are none, or none that can be read: then they are made again."""
    try:
        return Scores.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _instrument(record: Mapping[str, Any]) -> InstrumentState:
    state: State = "measured" if record["state"] == "measured" else "not measured"
    return InstrumentState(str(record["unit"]), str(record["source"]), state, str(record.get("why", "")))


# The readings that may be missing.
NUMBERS = (
    "level_lufs",
    "f0_median_hz",
    "f0_spread_semitones",
    "duration_ratio",
    "similarity",
    "noise_mos",
    "mcd_db",
    "cer",
    "text_margin",
    "treble_db",
)


def _utterance(record: Mapping[str, Any]) -> UtteranceScores:
    heard = record.get("heard")
    return UtteranceScores(
        id=str(record["id"]),
        seed=int(record["seed"]),
        file=str(record["file"]),
        text=str(record["text"]),
        faults=tuple(str(name) for name in list(record["faults"])),
        findings=tuple(str(finding) for finding in list(record.get("findings", ()))),
        seconds=float(record["seconds"]),
        pace=float(record["pace"]),
        heard=None if heard is None else str(heard),
        **{name: _number(record.get(name)) for name in NUMBERS},
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return fmean(known) if known else None
