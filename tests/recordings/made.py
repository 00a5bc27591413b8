"""A recording made of the demo's clips, with pauses between them: what is said when is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parents[2]
CLIPS = ROOT / "samples" / "demo" / "data" / "set_a"
RATE = 22_050
PAUSES = (0.5, 1.1, 0.35, 3.0, 0.7, 0.45, 1.4)


@dataclass(frozen=True)
class Said:
    """A sentence of a recording with its place in seconds."""

    text: str
    start: float
    end: float


def clip_texts() -> list[tuple[Path, str]]:
    lines = (CLIPS / "metadata.csv").read_text(encoding="utf-8").splitlines()
    return [(CLIPS / "wavs" / f"{name}.flac", text) for name, text, _ in (line.split("|") for line in lines)]


def make_recording(path: Path, clips: Sequence[int], seed: int = 0) -> list[Said]:
    """Write a recording of the demo's clips with these numbers, in a quiet room; gives what is said in it."""
    parts, said, at = [np.zeros(round(0.6 * RATE))], [], 0.6
    for place, (file, text) in enumerate(clip_texts()[number] for number in clips):
        wave, rate = soundfile.read(file)
        assert rate == RATE
        pause = PAUSES[place % len(PAUSES)]
        said.append(Said(text, at, at + len(wave) / RATE))
        parts += [wave, np.zeros(round(pause * RATE))]
        at += len(wave) / RATE + round(pause * RATE) / RATE
    whole = np.concatenate(parts)
    whole += np.random.default_rng(seed).normal(0, 0.0002, len(whole))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, whole, RATE, subtype="PCM_16")
    return said


def encode(source: Path, target: Path, codec: str) -> Path:
    """A lossy copy of a sound, by FFmpeg."""
    import av

    wave, rate = soundfile.read(source, dtype="float32")
    with av.open(str(target), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return target
