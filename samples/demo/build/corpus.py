"""The pretraining corpus: clips of the pretraining voices with their texts, as arrays in a work folder."""

from __future__ import annotations

import json
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from lexicon import sentences
from voices import PRETRAINING, Voice, speak


@dataclass(frozen=True)
class Clip:
    voice: str
    text: str
    audio: np.ndarray
    """(samples,) float32 at 22,050 Hz."""


def make_corpus(folder: Path, clips_a_voice: int, avoid: frozenset[str], seed: int = 1) -> None:
    """Speak `clips_a_voice` sentences in each pretraining voice, into `folder`/<voice>.npz. Done voices are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (voice, folder, clips_a_voice, avoid, seed * 1000 + number)
        for number, voice in enumerate(PRETRAINING)
        if not (folder / f"{voice.name}.npz").exists()
    ]
    with ProcessPoolExecutor(2) as pool:
        for name in pool.map(_speak_voice, jobs):
            print(f"corpus: {name}", flush=True)


def _speak_voice(job: tuple[Voice, Path, int, frozenset[str], int]) -> str:
    voice, folder, count, avoid, seed = job
    rng = random.Random(seed)
    texts = [text for text, _ in zip(sentences(seed, 0.4, avoid), range(count), strict=False)]
    clips = [(speak(voice, text, rng.uniform(0.94, 1.06)) * 32767).astype(np.int16) for text in texts]
    ends = np.cumsum([len(clip) for clip in clips])
    partial = folder / f"{voice.name}.partial.npz"
    np.savez(partial, audio=np.concatenate(clips), ends=ends, texts=json.dumps(texts))
    partial.replace(folder / f"{voice.name}.npz")
    return voice.name


def read_corpus(folder: Path) -> list[Clip]:
    """All clips in `folder`, in the order of the voices."""
    clips = []
    for voice in PRETRAINING:
        stored = np.load(folder / f"{voice.name}.npz")
        pieces = np.split(stored["audio"], stored["ends"][:-1])
        texts = json.loads(str(stored["texts"]))
        for text, piece in zip(texts, pieces, strict=True):
            clips.append(Clip(voice.name, text, piece.astype(np.float32) / 32767))
    return clips
