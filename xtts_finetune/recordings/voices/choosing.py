"""Whose stretches make the data set, where several people speak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.sound.unbroken import AudioError
from xtts_finetune.errors import UserError
from xtts_finetune.recordings.examining import Finding
from xtts_finetune.recordings.screen import Voice
from xtts_finetune.recordings.sound.excerpts import excerpts
from xtts_finetune.recordings.states import as_of_any_voice, beside_others, of_another
from xtts_finetune.recordings.voices.voices import VoiceSorter
from xtts_finetune.records.stretches import Stretch

EXAMPLE_SECONDS, EXAMPLE_RATE = 30.0, 22_050
# Another voice as near as that may also speak the first or the last words of a clip.
NEAR_SECONDS = 2.5


class Voices:
    """Whose voice each stretch with words is."""

    def __init__(self, pairs: Sequence[tuple[Stretch, Finding]]) -> None:
        self._stretches = [stretch for stretch, _ in pairs]
        self._sorter = VoiceSorter()
        voices = {place: finding.voice for place, (stretch, finding) in enumerate(pairs) if stretch.words}
        # What told voices apart may be another than it was when earlier recordings were read.
        size = max((len(voice) for voice in voices.values() if voice is not None), default=0)
        told = [place for place, voice in voices.items() if voice is not None and len(voice) == size]
        self._embeddings = [voice for place in told if (voice := voices[place]) is not None]
        seconds = [self._stretches[place].seconds for place in told]
        labels = self._sorter.sort(self._embeddings, seconds)
        self._labels = dict(zip(told, labels, strict=True))

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Everybody who speaks, who speaks most first."""
        of: dict[str, list[Stretch]] = {}
        for place, label in self._labels.items():
            of.setdefault(label, []).append(self._stretches[place])
        found = [
            Voice(label, sum(each.seconds for each in said), max(said, key=lambda each: (each.seconds, -each.start)))
            for label, said in of.items()
        ]
        return tuple(sorted(found, key=lambda voice: voice.label))

    def like(self, example: Path) -> str:
        """The label of the voice in a sound file. Raises UserError where it cannot be told."""
        try:
            wave = next(excerpts(example, [(0.0, EXAMPLE_SECONDS)], EXAMPLE_RATE))
        except AudioError as error:
            raise UserError(f"--voice {example}: {error}") from None
        voice = self._sorter.embed(np.trim_zeros(wave, "b"), EXAMPLE_RATE)
        if voice is None:
            raise UserError(f"{example} is too short to tell whose voice it is; give 5 s of speech or more")
        likeness = {label: _mean_likeness(voice, self._of(label)) for label in dict.fromkeys(self._labels.values())}
        return max(likeness, key=lambda label: likeness[label])

    def at(self, source: str, second: float) -> str | None:
        """The label of the voice that speaks there; None where nobody does."""
        for place, label in self._labels.items():
            stretch = self._stretches[place]
            if stretch.source == source and stretch.start <= second < stretch.end:
                return label
        return None

    def chosen(self, label: str) -> list[Stretch]:
        """All stretches; those of other voices are left out."""
        chosen = []
        for place, stretch in enumerate(map(as_of_any_voice, self._stretches)):
            whose = self._labels.get(place, label)
            if whose == label and stretch.words:
                chosen.append(
                    beside_others(stretch, self._other_near(place, -1, label), self._other_near(place, 1, label))
                )
            else:
                chosen.append(stretch if whose == label else of_another(stretch, whose))
        return chosen

    def _other_near(self, place: int, step: int, label: str) -> str | None:
        """Another voice than `label` that speaks just before (-1) or after (1) a stretch; None where there is none."""
        here, near = self._stretches[place], place + step
        while 0 <= near < len(self._stretches) and self._stretches[near].source == here.source:
            there = self._stretches[near]
            if max(there.start - here.end, here.start - there.end) > NEAR_SECONDS:
                break
            if near in self._labels:
                return self._labels[near] if self._labels[near] != label else None
            near += step
        return None

    def _of(self, label: str) -> list[NDArray[np.float32]]:
        return [each for each, whose in zip(self._embeddings, self._labels.values(), strict=True) if whose == label]


def _mean_likeness(voice: NDArray[np.float32], others: Sequence[NDArray[np.float32]]) -> float:
    unit = [each / np.linalg.norm(each) for each in others]
    return float(np.mean(unit @ (voice / np.linalg.norm(voice)), dtype=np.float64))


def with_speaker(stretches: Sequence[Stretch], speaker: str) -> list[Stretch]:
    """The stretches with the name of who speaks, where their voice is the wanted one."""
    return [replace(each, speaker=speaker if each.words and each.state != "left out" else "") for each in stretches]
