"""The pre-training corpus: sentences of the grammar in many natural voices, kept in a work folder.

    python corpus.py WORK --styles kokoro-js/voices          speaks until all rounds are there; go on at any time

A round is a few sentences in every voice, so that whatever is there is spread over all voices. Each voice's share of a
round is one file, written whole or not at all; a killed run goes on with the next that is missing.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
from lexicon import sentences
from voices import KEPT_BACK, SAMPLE_RATE, Kokoro, Voice, pretraining_voices

A_ROUND = 10
"""Sentences of each voice."""
SHARE_OF_FRAGMENTS = 0.25


@dataclass(frozen=True)
class Clip:
    voice: str
    text: str
    audio: np.ndarray
    """(samples,) float32 at 22,050 Hz."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--styles", type=Path, required=True, help="the folder `voices` of kokoro-js")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    make_corpus(given.work / "corpus", given.styles, given.rounds, given.workers)


def make_corpus(folder: Path, styles: Path, rounds: int, workers: int) -> None:
    """Speak what is missing of `rounds`."""
    folder.mkdir(parents=True, exist_ok=True)
    voices = pretraining_voices(styles)
    Kokoro(styles, folder.parent)  # its weights in one file, before several processes want to make it
    jobs = [
        (folder, styles, voice, number, 1000 * number + place)
        for number in range(rounds)
        for place, voice in enumerate(voices)
        if is_heard(voice.name) and not file_of(folder, voice, number).exists()
    ]
    begun, sound = time.monotonic(), 0.0
    with ProcessPoolExecutor(workers) as pool:
        for done, seconds in enumerate(pool.map(_speak, jobs), start=1):
            sound += seconds
            if done % 20 == 0 or done == len(jobs):
                left = (time.monotonic() - begun) / done * (len(jobs) - done)
                print(f"{done} of {len(jobs)}, {sound / 60:.1f} min of sound, {left / 60:.0f} min left", flush=True)


def file_of(folder: Path, voice: Voice, number: int) -> Path:
    return folder / f"{voice.name}-{number:02d}.npz"


def is_heard(voice: str) -> bool:
    """Whether pre-training hears the voice: neither one that is kept back, nor a mixture with one."""
    return not set(voice.split("+")) & set(KEPT_BACK)


@cache
def speaker_of(styles: Path, work: Path) -> Kokoro:
    return Kokoro(styles, work)


def _speak(job: tuple[Path, Path, Voice, int, int]) -> float:
    folder, styles, voice, number, seed = job
    speaker = speaker_of(styles, folder.parent)
    rng = random.Random(seed)
    texts = list(islice(sentences(seed, SHARE_OF_FRAGMENTS), A_ROUND))
    clips = [(speaker.speak(voice, text, rng.uniform(0.94, 1.06)) * 32767).astype(np.int16) for text in texts]
    target = file_of(folder, voice, number)
    partial = target.with_name(f".{target.stem}.partial.npz")
    ends = np.cumsum([len(clip) for clip in clips])
    np.savez(partial, audio=np.concatenate(clips), ends=ends, texts=json.dumps(texts))
    partial.replace(target)
    return float(ends[-1]) / SAMPLE_RATE


def read_corpus(folder: Path, avoid: frozenset[str] = frozenset()) -> Iterator[Clip]:
    """All clips that are there, in the order of voices and rounds, but for texts in `avoid` (lower case)."""
    for path in sorted(folder.glob("[!.]*.npz")):
        if not is_heard(path.stem.rpartition("-")[0]):
            continue
        stored = np.load(path)
        pieces = np.split(stored["audio"], stored["ends"][:-1])
        for text, piece in zip(json.loads(str(stored["texts"])), pieces, strict=True):
            if text.lower() not in avoid:
                yield Clip(path.stem.rpartition("-")[0], text, piece.astype(np.float32) / 32767)


if __name__ == "__main__":
    main()
