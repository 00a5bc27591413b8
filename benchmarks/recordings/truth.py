"""What is known of a made recording (made.py), and what an import found in it, in a form that can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from benchmarks.recordings.made import as_spoken
from xtts_finetune.data.hearing.normalised import words_of
from xtts_finetune.records.stretches import Stretch

MAIN = "joe"
STEP = 220
FRAME = STEP / 44_100
SILENT_DB = 42.0


@dataclass(frozen=True)
class Said:
    """A word of the main speaker as it was spoken, in seconds of the recording."""

    text: str
    start: float
    end: float

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class Truth:
    folder: Path
    seconds: float
    sentences: list[dict[str, Any]]
    events: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> Truth:
        return cls(folder, **json.loads((folder / "truth.json").read_text(encoding="utf-8")))

    @property
    def sound(self) -> Path:
        return self.folder / "made.wav"

    @cached_property
    def main(self) -> list[dict[str, Any]]:
        return [sentence for sentence in self.sentences if sentence["speaker"] == MAIN]

    @cached_property
    def words(self) -> list[Said]:
        """The voice counts the silence after a comma to the word: a word is as long as it sounds."""
        return [
            Said(text, *self._sounding(start, end, sentence))
            for sentence in self.main
            for text, (start, end) in zip(sentence["said"].split(), sentence["words"], strict=True)
        ]

    def _sounding(self, start: float, end: float, sentence: dict[str, Any]) -> tuple[float, float]:
        """Without what is silent at both ends."""
        first, last = int(start / FRAME), int(end / FRAME)
        loudest = self.levels[int(sentence["start"] / FRAME) : int(sentence["end"] / FRAME)].max()
        sounds = np.flatnonzero(self.levels[first:last] > loudest - SILENT_DB)
        if not len(sounds):
            return start, end
        return max(start, float((first + sounds[0]) * FRAME)), min(end, float((first + sounds[-1] + 2) * FRAME))

    def spoken_between(self, start: float, end: float) -> str:
        """The main speaker's words whose middle lies there."""
        return " ".join(word.text for word in self.words if start <= word.middle < end)

    @cached_property
    def levels(self) -> NDArray[np.float32]:
        """(frames,) dB of full scale, of the mono mix: the mean square of 10 ms every 5 ms."""
        found, rest = [], np.zeros(0, dtype=np.float32)
        with soundfile.SoundFile(self.sound) as file:
            while len(block := file.read(4_410_000, dtype="float32")):
                mono = np.concatenate([rest, block.mean(axis=1)])
                whole = len(mono) // STEP * STEP
                found.append(np.square(mono[:whole].reshape(-1, STEP)).mean(axis=1))
                rest = mono[whole:]
        power = np.concatenate(found)
        power = (power + np.append(power[1:], power[-1])) / 2
        return np.asarray(10 * np.log10(power + 1e-12), dtype=np.float32)

    def loudest(self, start: float, end: float) -> float:
        """The loudest 10 ms between two times, in dB of full scale."""
        first = max(0, int(start / FRAME))
        return float(self.levels[first : max(first + 1, int(end / FRAME))].max())

    def speech_level(self, at: float, around: float = 3.0) -> float:
        """The level of the speech within `around` seconds, whoever speaks, in dB; else the usual one."""
        near = [s for s in self.sentences if s["end"] > at - around and s["start"] < at + around] or self.sentences
        power = [np.mean(10 ** (self.levels[int(s["start"] / FRAME) : int(s["end"] / FRAME)] / 10)) for s in near]
        return float(10 * np.log10(np.mean(power)))


def normal(text: str) -> list[str]:
    """Words without case and marks, numbers and sums written out, as the package itself compares texts."""
    return list(words_of(as_spoken(text), "en"))


def errors(heard: Sequence[str], said: Sequence[str]) -> int:
    """Words put in, left out or changed."""
    return int(Levenshtein.distance(heard, said))


def overlap(start: float, end: float, stretches: Iterable[tuple[float, float]]) -> float:
    """Seconds of a stretch of time that others cover; they do not overlap each other."""
    return sum(max(0.0, min(end, last) - max(start, first)) for first, last in stretches)


def times(stretches: Iterable[Stretch], *states: str) -> list[tuple[float, float]]:
    return [(stretch.start, stretch.end) for stretch in stretches if stretch.state in states]
