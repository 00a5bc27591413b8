"""What the layouts of data sets are made of: short real sounds, texts, lists, and the truth about them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

RATE = 16_000
CLIPS = 12
HUNGARIAN = (
    "Jó estét kívánok, és üdvözlöm a kedves nézőket!",
    "Biztos benne, hogy ez a végleges válasza?",
    "A következő kérdés nem könnyű, de még van ideje.",
    'Azt mondta: "Igen, ez az", és elment.',
    "Sajnos ez nem az; de nagyon szép játék volt.",
    "Az őszi szél fúj, és zörög a fűzfa ága.",
)
ENGLISH = (
    "Good evening, and welcome to the show.",
    "Are you sure that this is your final answer?",
    "The next question is not an easy one; take your time.",
    'He said "yes, it is", and then he left the room.',
    "It was a very good game, and we thank you for it.",
    "There is a river behind the house that we saw.",
)


@dataclass(frozen=True)
class Clip:
    """What must be read: the sound's path in the data set, its text and who speaks ('' where nothing says it)."""

    sound: str
    text: str
    speaker: str = ""
    held_out: bool = False


@dataclass(frozen=True)
class Made:
    """A data set that was made."""

    clips: tuple[Clip, ...]
    language: str


def clips_at(place: str, texts: Sequence[str] = HUNGARIAN, speakers: Sequence[str] = ("",)) -> list[Clip]:
    """Twelve clips; `place` has the sound's path with {n}, {i} and {speaker}."""
    found = []
    for n in range(CLIPS):
        speaker = speakers[n % len(speakers)]
        text = (
            f"{texts[n % len(texts)]} {('Egy', 'Kettő', 'Három')[n % 3] if texts is HUNGARIAN else n // 6 * 'Again.'}"
        )
        found.append(Clip(place.format(n=n, i=f"{n:03}", speaker=speaker), text.strip(), speaker))
    return found


def sound_files(folder: Path, clips: Sequence[Clip]) -> None:
    """A short sound for each clip, every one different."""
    for clip in clips:
        path = folder / clip.sound
        path.parent.mkdir(parents=True, exist_ok=True)
        wave = np.random.default_rng(crc32(str(path).encode())).normal(0, 0.1, RATE * 6 // 10).clip(-1, 1)
        soundfile.write(path, wave, RATE)


def write(folder: Path, name: str, lines: Sequence[str], encoding: str = "utf-8", end: str = "\n") -> None:
    """A list of lines."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((end.join(lines) + end).encode(encoding))


def as_csv(rows: Sequence[Sequence[str]], delimiter: str = ",", quoted: bool = False) -> list[str]:
    """Rows as csv writes them."""
    file = io.StringIO(newline="")
    csv.writer(
        file, delimiter=delimiter, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator="\n"
    ).writerows(rows)
    return file.getvalue().splitlines()


def stem(clip: Clip) -> str:
    return Path(clip.sound).stem


Maker = Callable[[Path], Made]
LAYOUTS: dict[str, Maker] = {}


def layout(name: str) -> Callable[[Maker], Maker]:
    def note(maker: Maker) -> Maker:
        LAYOUTS[name] = maker
        return maker

    return note


def made(folder: Path, clips: Sequence[Clip], language: str = "hu") -> Made:
    sound_files(folder, clips)
    return Made(tuple(clips), language)


def listed(
    name: str,
    line: Callable[[Clip], str],
    place: str = "wavs/clip_{i}.wav",
    file: str = "metadata.csv",
    header: str = "",
    speakers: Sequence[str] = ("",),
    texts: Sequence[str] = HUNGARIAN,
    encoding: str = "utf-8",
    end: str = "\n",
    language: str = "hu",
) -> None:
    """A layout of one list whose lines are made one by one."""

    def maker(folder: Path) -> Made:
        clips = clips_at(place, texts, speakers)
        write(folder, file, [*([header] if header else []), *map(line, clips)], encoding, end)
        return made(folder, clips, language)

    LAYOUTS[name] = maker


TWO, SOUND = ("anna", "bela"), "wavs/clip_{i}.wav"
