"""Made-up clips for tests: harmonic sounds with texts, quick to make and different from one another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

WORDS = (
    "one",
    "two",
    "three",
    "hello",
    "there",
    "green",
    "river",
    "stone",
    "seven",
    "again",
    "winter",
    "light",
)


def make_clips(folder: Path, count: int, seed: int = 0, rate: int = 22_050) -> list[tuple[Path, str]]:
    """`count` clips of 0.8 to 2.5 s as an LJSpeech data set in `folder`; returns (file, text)."""
    generator = np.random.default_rng(seed)
    (folder / "wavs").mkdir(parents=True, exist_ok=True)
    clips = []
    for number in range(count):
        seconds = generator.uniform(0.8, 2.5)
        time = np.arange(int(seconds * rate)) / rate
        pitch = generator.uniform(100, 300) * (1 + 0.1 * np.sin(2 * np.pi * generator.uniform(1, 4) * time))
        wave = sum(np.sin(harmonic * 2 * np.pi * np.cumsum(pitch) / rate) / harmonic for harmonic in range(1, 6))
        wave = 0.2 * wave * (1 + np.sin(2 * np.pi * 4 * time)) / 2 + 0.002 * generator.standard_normal(len(time))
        path = folder / "wavs" / f"clip{number:03}.wav"
        soundfile.write(path, wave.astype(np.float32), rate, subtype="PCM_16")
        clips.append((path, " ".join(generator.choice(WORDS, size=int(generator.integers(2, 6))))))
    lines = [f"{path.stem}|{text}|{text}" for path, text in clips]
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return clips
