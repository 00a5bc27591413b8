"""Data sets that tests write: real audio files, and encoders without a model where none is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.pipeline import PipelineSpec


def sound(seconds: float, seed: int, rate: int = 22_050) -> NDArray[np.float32]:
    """A tone with noise, different for every seed."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.02, len(time))
    return (0.3 * np.sin(2 * np.pi * (150 + 7 * seed) * time) + noise).astype(np.float32)


def write_sound(path: Path, seconds: float = 1.0, seed: int = 0, rate: int = 22_050, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # As integers, since formats differ in how they round.
    wave = np.clip(sound(seconds, seed, rate) * 32767, -32768, 32767).astype(np.int16)
    soundfile.write(path, np.stack([wave] * channels, axis=1) if channels > 1 else wave, rate)
    return path


def write_ljspeech(folder: Path, clips: int, first_seed: int = 0, seconds: float = 0.8) -> Path:
    """An LJSpeech folder of `clips` clips, each with a sound of its own and a length a little different."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(clips):
        seed = first_seed + number
        write_sound(folder / "wavs" / f"clip{number:03}.wav", seconds + 0.01 * number, seed)
        lines.append(f"clip{number:03}|This is number {seed}.|this is number {seed}.\n")
    (folder / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    return folder


def declare(base: Path, datasets: Sequence[Mapping[str, Any]], run_folder: Path, **settings: Any) -> Declaration:
    """A declaration of data alone; what the data room does not read is left out."""
    given = {"language": "en", "eval_set": {"fraction": 0.2, "at_least": 1}, **settings}
    pipeline = PipelineSpec(name="test", base=str(base), datasets=tuple(datasets), phases=("phase1",), **given)
    nothing: Any = None
    return Declaration(run_folder / "pipeline.yaml", pipeline, {}, nothing, nothing, run_folder)


def run_folder(declaration: Declaration) -> RunFolder:
    return RunFolder(declaration.run_folder)


def silent_progress(done: int, total: int, what: str) -> None:
    pass


def clip(number: int, dataset: str = "a", sha256: str | None = None, **changes: Any) -> ClipRecord:
    """A record of a clip that lies nowhere."""
    content = sha256 or hashlib.sha256(f"{dataset} {number}".encode()).hexdigest()
    values: dict[str, Any] = {
        "id": f"c{number}",
        "dataset": dataset,
        "audio": Path(f"{dataset}/c{number}.wav"),
        "text": f"text {number}",
        "speaker": "s",
        "language": "en",
        "seconds": 1.0,
        "sha256": content,
        "split": "train",
        "text_tokens": 5,
    }
    return ClipRecord(**{**values, **changes})


class LetterTokenizer:
    """A token a letter; '#' is unknown."""

    def encode(self, text: str, language: str) -> list[int]:
        return [1 if letter == "#" else 2 + ord(letter) % 100 for letter in f"{language}{text}"]

    def normalised(self, text: str, language: str) -> str:
        return text.lower()

    def unknown_characters(self, text: str, language: str) -> list[str]:
        return ["#"] if "#" in text else []

    def speaks(self, language: str) -> bool:
        return language != "ko"


class CountingEncoder:
    """Arrays of the right shapes, computed from the samples; counts what it is asked for."""

    key = "counting"
    parallel = True

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.calls = 0
        self.before = before
        self._counting = Lock()

    def codes(self, wave: NDArray[np.float32]) -> NDArray[np.int16]:
        self.before()
        with self._counting:
            self.calls += 1
        count = -(-len(wave) // 1024)
        return (np.abs(wave[: count * 1024 : 1024]) * 1000).astype(np.int16)[:count]

    def conditioning(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        frames = np.zeros(len(wave) // 256 + 1, dtype=np.float32)
        frames[: len(wave[::256])] = wave[::256]
        return frames[None] * np.linspace(-1, 1, 80, dtype=np.float32)[:, None]

    def eval_conditioning(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.conditioning(np.resize(wave[: len(wave) // 2], 132_300))
