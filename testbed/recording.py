"""A recording with known truth, of the demo's clips with pauses between them, and a data set as an import leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from xtts_finetune.records.stretches import FOUND, SOUNDS, Reason, Stretch, Word, write_stretches

VOICE = Path(__file__).parents[1] / "samples" / "demo" / "data" / "set_a"
# Soft noise as of a room, some 60 dB beneath full scale.
ROOM = 0.001


@dataclass(frozen=True)
class Said:
    """A clip of the demo within a recording; times in seconds of the recording."""

    text: str
    start: float
    end: float


def record(path: Path, clips: int = 6, pauses: Sequence[float] = (0.6, 0.9, 1.3), first: int = 0) -> list[Said]:
    """Write a WAV of so many clips of the demo's voice, with pauses before, between and after; what is said in it."""
    lines = (VOICE / "metadata.csv").read_text(encoding="utf-8").splitlines()[first : first + clips]
    noise = np.random.default_rng(first)
    parts: list[np.ndarray] = []
    said: list[Said] = []
    seconds, rate = 0.0, 22_050

    def pause(length: float) -> float:
        parts.append((ROOM * noise.standard_normal(round(length * rate))).astype(np.float32))
        return len(parts[-1]) / rate

    for place, line in enumerate(lines):
        name, text = line.split("|")[:2]
        seconds += pause(pauses[place % len(pauses)])
        wave, rate = soundfile.read(VOICE / "wavs" / f"{name}.flac", dtype="float32")
        parts.append(wave)
        said.append(Said(text, seconds, seconds + len(wave) / rate))
        seconds = said[-1].end
    pause(pauses[0])
    soundfile.write(path, np.concatenate(parts), rate)
    return said


def imported(folder: Path, source: Path, said: Sequence[Said]) -> list[Stretch]:
    """A data set whose clips are all doubtful, as an import of the recording would leave it before it writes clips."""
    stretches: list[Stretch] = []
    reached = 0.0
    for place, one in enumerate(said):
        if one.start > reached:
            stretches.append(_silence(source, reached, one.start))
        words, step = one.text.split(), (one.end - one.start) / len(one.text.split())
        timed = tuple(
            Word(word, round(one.start + n * step, 3), round(one.start + (n + 1) * step, 3), 0.8)
            for n, word in enumerate(words)
        )
        heard = " ".join(["Perhaps", *words[1:]])
        stretches.append(
            Stretch(
                file=f"{SOUNDS}/clip_{place}.flac",
                source=source.as_posix(),
                start=one.start,
                end=one.end,
                text=one.text,
                state="doubtful",
                reasons=(Reason("the readings differ", f'"{words[0]}" and "Perhaps"'),),
                confidence=0.5 + place / 100,
                second=heard,
                speaker="demo",
                words=timed,
            )
        )
        reached = one.end
    total = soundfile.info(source).duration
    stretches.append(_silence(source, reached, total))
    write_stretches(folder, stretches)
    write_stretches(folder, stretches, FOUND)
    return stretches


def _silence(source: Path, start: float, end: float) -> Stretch:
    return Stretch(None, source.as_posix(), start, end, "", "left out", (Reason("silence"),))
