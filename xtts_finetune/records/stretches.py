"""What became of every second of the recordings: `import.jsonl`, a line for each stretch of every source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import atomic_path
from xtts_finetune.records.json_lines import json_line, read_json_lines

State = Literal["kept", "doubtful", "left out"]

# A data set made of recordings: its clips, its texts, what became of every second, what a person said of it.
SOUNDS = "wavs"
METADATA = "metadata.csv"
STRETCHES = "import.jsonl"
REVIEW = "review.jsonl"
# What an import knows from before, and what it found before anybody reviewed it.
WORK = ".import"
FOUND = f"{WORK}/found.jsonl"


@dataclass(frozen=True)
class Word:
    """A word as it is written, with its marks: '“Hello,'. Times in seconds of its source; probability 0 to 1.

    doubt   why the word itself is doubtful, such as a user's word that was not heard; '' where it is not
    """

    text: str
    start: float
    end: float
    probability: float = 1.0
    doubt: str = ""

    def moved(self, seconds: float) -> Word:
        """The word, later by so much."""
        return replace(self, start=round(self.start + seconds, 3), end=round(self.end + seconds, 3))


@dataclass(frozen=True)
class Reason:
    """Why a stretch is doubtful or left out: its kind in plain words, and what was found."""

    kind: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else self.kind

    @classmethod
    def parse(cls, written: str) -> Reason:
        """The reason that `str` wrote."""
        kind, _, detail = written.partition(": ")
        return cls(kind, detail)


@dataclass(frozen=True)
class Stretch:
    """One stretch of a recording; those of a source follow each other without a gap from 0 to its end.

    file        relative to the data set's folder; None where no clip was written
    source      the recording as it was given
    start, end  seconds in the source, of the sound that counts; a clip has up to 60 ms of silence more at its ends
    text        what is trained on, as the user wrote it or as it was heard; '' where nothing is said
    spoken      the text as XTTS will speak it, numbers and abbreviations written out; '' where it is the same
    confidence  0 to 1, of the words; None where there are none
    second      what the second reading heard; None where there was none
    speaker     the voice, as metadata.csv names it
    words       the text's words with their times in the source, so that a stretch can be split
    """

    file: str | None
    source: str
    start: float
    end: float
    text: str
    state: State
    reasons: tuple[Reason, ...] = ()
    confidence: float | None = None
    second: str | None = None
    speaker: str = ""
    spoken: str = ""
    words: tuple[Word, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    def as_json(self) -> dict[str, Any]:
        """The record as one line of import.jsonl."""
        return {
            "file": self.file,
            "source": self.source,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "text": self.text,
            "state": self.state,
            "reasons": [str(reason) for reason in self.reasons],
            "confidence": None if self.confidence is None else round(self.confidence, 3),
            "second": self.second,
            "speaker": self.speaker,
            "spoken": self.spoken,
            "words": [
                [word.text, round(word.start, 3), round(word.end, 3), round(word.probability, 3), word.doubt]
                for word in self.words
            ],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Stretch:
        """Raises KeyError, TypeError or ValueError for what is no such record."""
        if record["state"] not in ("kept", "doubtful", "left out"):
            raise ValueError(f"there is no state {record['state']!r}")
        return cls(
            file=record["file"],
            source=str(record["source"]),
            start=float(record["start"]),
            end=float(record["end"]),
            text=str(record["text"]),
            state=record["state"],
            reasons=tuple(Reason.parse(reason) for reason in record["reasons"]),
            confidence=record["confidence"],
            second=record["second"],
            speaker=str(record.get("speaker", "")),
            spoken=str(record.get("spoken", "")),
            words=tuple(
                Word(text, start, end, probability, doubt)
                for text, start, end, probability, doubt in record.get("words", ())
            ),
        )


def read_stretches(folder: Path, name: str = STRETCHES) -> list[Stretch]:
    """Every stretch of a data set made of recordings; none where it is no such one. UserError for a damaged file.

    `name`  FOUND for what was found before anybody reviewed it
    """
    path = folder / name
    found = []
    for number, record in read_json_lines(path):
        try:
            found.append(Stretch.from_json(record))
        except (KeyError, TypeError, ValueError) as error:
            cure = "run the import again, which writes it anew"
            raise UserError(f"{path}:{number}: this is no stretch of a recording ({error!r}); {cure}") from None
    return found


def write_stretches(folder: Path, stretches: Iterable[Stretch], name: str = STRETCHES) -> None:
    """All of them, or the file that was there before."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / name) as temporary, temporary.open("wb") as file:
        for stretch in stretches:
            file.write(json_line(stretch.as_json()))
