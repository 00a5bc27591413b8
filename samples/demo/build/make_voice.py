"""Make the demo's recordings: 65 clips of one natural voice, in two data sets of two layouts.

    python make_voice.py --styles kokoro-js/voices    writes ../data/set_a (LJSpeech layout) and ../data/set_b (Coqui's)
    python make_voice.py --styles kokoro-js/voices --voice bf_emma --to OTHER     the same sentences in another voice

It needs what voices.py says. Four minutes on one core; the same sentences every time.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile
from lexicon import PHRASES, sentences
from voices import SAMPLE_RATE, TARGET, Kokoro, Voice

SEED = 15
SET_A, SET_B = 20, 45
DRAWN = 400_000
LITTLE_WORDS = (
    "the a my this that our your his her he she we they i you is was and but are to at in on by did who saw took then "
    "will would must can"
)
SHORTEST_S, LONGEST_S = 2.8, 4.1
PACES = (0.96, 1.04)
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
    "His daughter finished a long story in the library.",
    "The hunter followed a gray wolf through the forest.",
    "Our neighbor repaired the broken fence last week.",
    "The queen never lost her golden ring.",
)
"""What the demo has its models say: in neither the recordings nor the pretraining corpus."""


def recorded_texts() -> list[str]:
    """More than enough texts to choose the recordings from: two sentences each, every eighth a single one."""
    single = iter(recorded_sentences())
    return [first if number % 8 == 0 else f"{first} {next(single)}" for number, first in enumerate(islice(single, 220))]


def recorded_sentences() -> list[str]:
    """The sentences of the recordings; none is an utterance, none comes twice.

    They draw on the words of the utterances and little else, so that each word comes several times: five
    minutes of a voice are enough to learn its way of saying a hundred words, not three hundred. Six words at
    least: shorter sentences are so few that the pretraining corpus would miss them.
    """
    spoken = frozenset(text.lower() for text in UTTERANCES)
    known = set(_words(" ".join(UTTERANCES))) | set(LITTLE_WORDS.split())
    drawn = dict.fromkeys(islice(sentences(SEED, 0.0, spoken), DRAWN))
    return [
        text
        for text in drawn
        if len(text.split()) >= 6 and known.issuperset(_words(text)) and not _quotes_a_phrase(text)
    ]


def _quotes_a_phrase(text: str) -> bool:
    """Whether it is one of the few sentences around a stock phrase, which the corpus has too."""
    return '"' in text and any(phrase in text.lower() for phrase in PHRASES)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=Path(__file__).parent.parent / "data")
    parser.add_argument("--styles", type=Path, required=True, help="the folder `voices` of kokoro-js")
    parser.add_argument("--voice", default=TARGET, help="one of its styles")
    given = parser.parse_args()
    folder: Path = given.to

    clips: list[tuple[str, np.ndarray]] = []
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as work:
        kokoro, voice = Kokoro(given.styles, Path(work)), Voice(given.voice, (given.voice,))
        for text in recorded_texts():
            audio = kokoro.speak(voice, text, rng.uniform(*PACES))
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
    soundfile.write(path, audio, SAMPLE_RATE, subtype="PCM_16", format="FLAC", compression_level=1.0)


if __name__ == "__main__":
    main()
