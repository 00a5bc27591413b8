"""Make the demo's recordings: 65 clips of one synthetic voice, in two data sets of two layouts.

    python make_voice.py            writes ../data/set_a (LJSpeech layout) and ../data/set_b (Coqui layout)

It needs flite; the voice is flite's `slt`. Seconds on one core; the same sentences and samples every time.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile
from lexicon import sentences
from voices import SAMPLE_RATE, TARGET, speak

SEED = 7
SET_A, SET_B = 20, 45
SHORTEST_S, LONGEST_S = 1.5, 5.0
UTTERANCES = (
    "Hello.",
    "Good morning, teacher.",
    "The old sailor carried a little box over the bridge, and the young woman waited by the window.",
    "Where is the blue door?",
    "There are 7 horses and 12 birds in the garden.",
    '"Please open the window," said my mother.',
    "The farmer sold two black horses on Monday.",
    "My sister found a letter under the tree.",
    "The captain walked down the road in the morning.",
    "We bought bread and milk at the station.",
    "The little girl painted a picture of the river.",
    "The doctor closed the door after dinner.",
)
"""What the demo has its models say: in neither the recordings nor the pretraining corpus."""


def recorded_sentences() -> list[str]:
    """More than enough sentences to choose the recordings from; none is an utterance, none comes twice."""
    spoken = frozenset(text.lower() for text in UTTERANCES)
    return list(dict.fromkeys(islice(sentences(SEED, 0.05, spoken), 200)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, default=Path(__file__).parent.parent / "data")
    folder = parser.parse_args().to

    clips: list[tuple[str, np.ndarray]] = []
    for text in recorded_sentences():
        audio = speak(TARGET, text)
        if SHORTEST_S <= len(audio) / SAMPLE_RATE <= LONGEST_S:
            clips.append((text, audio))
        if len(clips) == SET_A + SET_B:
            break
    _write_ljspeech(folder / "set_a", clips[:SET_A])
    _write_coqui(folder / "set_b", clips[SET_A:])
    seconds = sum(len(audio) for _, audio in clips) / SAMPLE_RATE
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{len(clips)} clips, {seconds:.0f} s, {size / 1e6:.2f} MB in {folder}")


def _write_ljspeech(folder: Path, clips: list[tuple[str, np.ndarray]]) -> None:
    """`id|text|normalised text` without a header; the audio of an id is wavs/<id>.flac."""
    lines = []
    for number, (text, audio) in enumerate(clips, start=1):
        name = f"demo_a_{number:03d}"
        _write_flac(folder / "wavs" / f"{name}.flac", audio)
        lines.append(f"{name}|{text}|{text}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_coqui(folder: Path, clips: list[tuple[str, np.ndarray]]) -> None:
    """`audio_file|text|speaker_name` with a header; the audio file is relative to the folder."""
    lines = ["audio_file|text|speaker_name"]
    for number, (text, audio) in enumerate(clips, start=1):
        name = f"wavs/demo_b_{number:03d}.flac"
        _write_flac(folder / name, audio)
        lines.append(f"{name}|{text}|demo")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_flac(path: Path, audio: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, SAMPLE_RATE, subtype="PCM_16", format="FLAC")


if __name__ == "__main__":
    main()
