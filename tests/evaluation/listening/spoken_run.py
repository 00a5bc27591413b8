"""A run whose candidates have spoken: short sounds that differ, recordings of a voice, a declaration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.pipeline.made_up_run import declare
from xtts_finetune.records.clips import ClipRecord, write_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration

RATE = 24_000
CANDIDATES = ("base", "phase1")


def voice(seconds: float, seed: int, loudness: float = 0.1) -> NDArray[np.float32]:
    """A buzz with harmonics and noise whose loudness wavers, so that damages can be measured: (samples,)."""
    chance = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = chance.uniform(100, 220)
    buzz = sum(np.sin(2 * np.pi * pitch * n * time) / n**0.5 for n in range(1, 50) if pitch * n < 10_000)
    wave = buzz * (1 + 0.5 * np.sin(2 * np.pi * 5 * time)) + 0.3 * chance.standard_normal(len(time))
    return (loudness * wave / np.abs(wave).max()).astype(np.float32)


def add_spoken(
    run: RunFolder, candidate: str, texts: Sequence[str], seconds: float = 0.3, sha: str | None = None
) -> None:
    """Utterances s01, s02, ... of the texts, with the weights `sha`."""
    folder = run.candidate(candidate)
    folder.utterances.mkdir(parents=True, exist_ok=True)
    spoken = []
    for number, text in enumerate(texts, 1):
        name = f"s{number:02}"
        wave = voice(seconds, seed=hash_of(f"{candidate} {name}"), loudness=0.1 + 0.8 * (number % 5) / 5)
        soundfile.write(folder.utterances / f"{name}_s1.wav", wave, RATE, subtype="PCM_16")
        spoken.append({"id": name, "file": f"{name}_s1.wav", "text": text, "language": "hu", "seed": 1})
    record = {"model_sha": sha or f"sha of {candidate}", "utterances": spoken}
    folder.utterances_json.write_text(json.dumps(record), encoding="utf-8")


def hash_of(text: str) -> int:
    """The same number for the same text in every process."""
    return sum(byte * 31**place for place, byte in enumerate(text.encode())) % 2**32


def spoken_run(
    folder: Path, sentences: int = 13, seconds: float = 0.3, candidates: Sequence[str] = CANDIDATES
) -> tuple[Declaration, RunFolder]:
    """A run in `folder` whose candidates have said `sentences` sentences."""
    declaration = declare(folder)
    run = RunFolder(declaration.run_folder)
    clips = []
    for number in range(4):
        file = folder / "Felvételek őű" / f"host {number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, voice(max(0.5, seconds + 0.1), seed=number), 22_050, subtype="PCM_16")
        clips.append(
            ClipRecord(
                id=f"clip{number}",
                dataset="milliomos",
                audio=file,
                text=f"Felvétel {number}.",
                speaker="host",
                language="hu",
                seconds=5.0,
                sha256=f"{number:064}",
                split="train",
                text_tokens=10,
            )
        )
    run.root.mkdir(parents=True)
    write_clips(run.clips, clips)
    for candidate in candidates:
        add_spoken(run, candidate, [f"A {n}. mondat: „Igen?” & <nem>" for n in range(1, sentences + 1)], seconds)
    return declaration, run
