"""What is found in each piece of a recording on its own: disturbances, whose voice it is, a second reading.

A line for each piece, as soon as it is there; a piece of the same place and text is examined once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from xtts_finetune.data.hearing.agreement import agreement
from xtts_finetune.data.hearing.normalised import same_words, split
from xtts_finetune.data.hearing.recogniser import RATE, Recogniser, joined
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.recordings.cutting.cutting import Piece
from xtts_finetune.recordings.listening import Progress, Sound
from xtts_finetune.recordings.sound.disturbances import Usual, reasons_of
from xtts_finetune.recordings.sound.excerpts import Wave, excerpts
from xtts_finetune.recordings.voices.voices import VoiceSorter
from xtts_finetune.records.json_lines import JsonLinesWriter, read_json_lines
from xtts_finetune.records.stretches import Reason, Stretch

# Of a piece without words, and of one that is far too long, so much is enough to tell what it is.
MOST_SECONDS = 30.0
DIGITS = 6
# Words that the recogniser made up are often others where the clip is a tenth shorter, right ones seldom: on 44 minutes
# of speech 1.6 % word errors are left of 2.0 %.
FASTER = 0.9


@dataclass(frozen=True)
class Finding:
    """What was found in a piece.

    reasons  for a person to look at it, or to leave it out
    second   what was heard in it alone; None where nothing is said in it
    voice    (size,) whose voice it is, to be compared with others; None where that cannot be told
    badness  0 where its text fits its sound, higher the worse it fits
    unsteady other words are heard where it is played faster; `second` are then those
    """

    reasons: tuple[Reason, ...] = ()
    second: str | None = None
    voice: NDArray[np.float32] | None = None
    badness: float = 0.0
    unsteady: bool = False


class Examiner:
    """Examines pieces with what is in memory once: a recogniser and whatever tells voices."""

    def __init__(self, recogniser: Recogniser, language: str) -> None:
        self._recogniser = recogniser
        self._language = language
        self._voices = VoiceSorter()

    def findings(
        self, path: Path, sound: Sound, pieces: Sequence[Piece], own: bool, kept: Path, progress: Progress
    ) -> list[Finding]:
        """Of each piece of the recording, in their order. `own`: the texts are the user's."""
        there = kept_findings(kept)
        todo = [piece for piece in pieces if key_of(piece) not in there]
        with JsonLinesWriter(kept) as writer:
            usual = Usual.of(sound.envelope.level_db, sound.speech)
            for piece, wave in zip(todo, _waves(path, todo), strict=True):
                progress(piece.start, sound.end)
                record = {"piece": key_of(piece), **self._examined(piece, wave, usual, own)}
                writer.write(record)
                there[key_of(piece)] = _finding(record)
        progress(sound.end, sound.end)
        return [there[key_of(piece)] for piece in pieces]

    def _examined(self, piece: Piece, wave: Wave, usual: Usual, own: bool) -> dict[str, Any]:
        words = [(word.start - piece.start, word.end - piece.start) for word in piece.words]
        reasons = reasons_of(wave, words, usual)
        if not words:
            return {"reasons": [str(reason) for reason in reasons], "second": None, "voice": None, "badness": 0.0}
        heard = soxr.resample(wave, SAMPLE_RATE, RATE, quality="VHQ").astype(np.float32)
        agreed = agreement(self._recogniser, heard, joined(piece.words), self._language)
        voice = self._voices.embed(wave, SAMPLE_RATE)
        reasons = (*reasons, *self._voices.change_in(wave, words, SAMPLE_RATE), *agreed.reasons)
        otherwise = None if own or reasons else self._heard_otherwise(wave, joined(piece.words))
        return {
            "reasons": [str(reason) for reason in reasons],
            "second": otherwise or agreed.heard,
            "voice": None if voice is None else [round(float(number), DIGITS) for number in voice],
            "badness": round(float(agreed.badness), DIGITS),
            "unsteady": otherwise is not None,
        }

    def _heard_otherwise(self, wave: Wave, text: str) -> str | None:
        """What is heard where the piece is played faster; None where it is the same words."""
        faster = soxr.resample(wave, SAMPLE_RATE, RATE * FASTER, quality="VHQ").astype(np.float32)
        heard = self._recogniser.short_sound(faster, self._language).read()
        same = same_words(split(heard, self._language), split(text, self._language), self._language)
        return None if same else heard


def kept_findings(kept: Path) -> dict[str, Finding]:
    """What was found in pieces before, by their keys."""
    return {str(record["piece"]): _finding(record) for _, record in read_json_lines(kept)}


def key_of(piece: Piece | Stretch) -> str:
    """Tells a piece from all others of its recording, by place and text."""
    text = f"{piece.start:.3f} {piece.end:.3f} {joined(piece.words)}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _waves(path: Path, pieces: Sequence[Piece]) -> Iterator[Wave]:
    spans = [(piece.start, min(piece.end, piece.start + MOST_SECONDS)) for piece in pieces]
    return excerpts(path, spans, SAMPLE_RATE)


def _finding(record: Mapping[str, Any]) -> Finding:
    return Finding(
        tuple(Reason.parse(reason) for reason in record["reasons"]),
        record["second"],
        None if record["voice"] is None else np.asarray(record["voice"], np.float32),
        float(record["badness"]),
        bool(record.get("unsteady", False)),
    )
