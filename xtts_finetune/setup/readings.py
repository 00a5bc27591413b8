"""Files that hold texts, each read in the format that suits it, and which of several are taken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from xtts_finetune.data.readers import RawClip, Unreadable, read_dataset
from xtts_finetune.data.readers.audiofolder import JSON_ENDINGS
from xtts_finetune.data.readers.found_table import check_columns
from xtts_finetune.data.readers.layouts import LAYOUTS
from xtts_finetune.data.readers.parquet import unpack
from xtts_finetune.data.sound.endings import is_sound
from xtts_finetune.errors import UserError
from xtts_finetune.setup.lists import Kind, is_a_list, kind_of
from xtts_finetune.spec.formats import FORMATS, Format
from xtts_finetune.spec.pipeline import DatasetSpec

# Formats that one file holds, the plainest first: a table is what nothing else is.
OF_A_FILE: tuple[Format, ...] = tuple(format for format in FORMATS if format not in ("folder", "parquet"))
# Two lists that share more of their sounds than this are the same clips.
SHARED = 0.05
# More lists than this in a folder are something else.
LISTS = 40


@dataclass
class Reading:
    """A file that holds texts, read in the format that gives the most clips."""

    file: str
    kind: Kind
    spec: DatasetSpec
    clips: tuple[RawClip, ...]
    lost: int = 0
    sounds: frozenset[Path] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        self.sounds = frozenset(clip.audio for clip in self.clips)

    @property
    def worth(self) -> tuple[int, int]:
        """The more clips the better; a header that is no clip is lost in the wrong format."""
        return len(self.clips), -self.lost

    def shares(self, others: frozenset[Path]) -> bool:
        """Whether it has sounds that others have as well."""
        return len(self.sounds & others) > SHARED * len(self.sounds)


def lists_in(folder: Path, apart: bool) -> list[str]:
    """The files in a folder that may hold the texts of many clips, by their paths in it."""
    patterns = ("*/*", "*/*/*") if apart else ("*",)
    there = [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]
    files = [path for path in there if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    sounds = {path.stem for path in files if is_sound(path)}
    lists = [path for path in files if path.stem not in sounds and is_a_list(path)][:LISTS]
    lists += [path for path in sorted(folder.glob("data/*.parquet")) if path.is_file()]
    return list(dict.fromkeys(split_of_parquet(path.relative_to(folder).as_posix()) for path in lists))


def split_of_parquet(name: str) -> str:
    """The files of a split as one: data/train-00000-of-00003.parquet is data/train-*.parquet."""
    return re.sub(r"-\d+-of-\d+(-[0-9a-f]+)?\.parquet$", "-*.parquet", name)


def best_reading(folder: Path, file: str, name: str) -> Reading | None:
    if file.endswith(".parquet"):
        reading = reading_of(DatasetSpec(name=name, path=folder, format="parquet", metadata=Path(file)), file)
        return reading if reading.clips else None
    best = None
    for format in OF_A_FILE:
        reading = reading_of(DatasetSpec(name=name, path=folder, format=format, metadata=Path(file)), file)
        if reading.clips and (best is None or reading.worth > best.worth):
            best = reading
    return best


def reading_of(spec: DatasetSpec, file: str) -> Reading:
    """What is read with text and sound; nothing in a wrong format."""
    lines: list[RawClip | Unreadable] = []
    with suppress(UserError, OSError, ValueError):
        unpack(spec)
        if spec.format in LAYOUTS and Path(file).suffix.lower() not in JSON_ENDINGS:
            check_columns(spec, speakers=True)
        lines += read_dataset(spec, "")
    good = (line for line in lines if isinstance(line, RawClip) and line.text.strip() and line.audio.is_file())
    clips = tuple(good)
    return Reading(file, kind_of(file), spec, clips, len(lines) - len(clips))


def chosen(readings: Sequence[Reading]) -> tuple[list[Reading], list[str]]:
    """The lists to take, the longest of those for training first, then one that is held out; and why not the others."""
    left = [f"{r.file}: it has clips that nobody agreed on" for r in readings if r.kind is Kind.REFUSED]
    order = (Kind.TRAINING, Kind.EVAL, Kind.TEST)
    lists = sorted((r for r in readings if r.kind in order), key=lambda r: (order.index(r.kind), -len(r.clips), r.file))
    taken: list[Reading] = []
    sounds: frozenset[Path] = frozenset()
    for reading in lists:
        held_out = reading.kind is not Kind.TRAINING and bool(taken)
        if reading.shares(sounds):
            others = next(other.file for other in taken if reading.shares(other.sounds))
            left.append(f"{reading.file}: {others} has the same sounds")
        elif held_out and any(other.spec.held_out for other in taken):
            left.append(f"{reading.file}: it is held out by its name, and {taken[-1].file} is the eval set")
        else:
            reading.spec = reading.spec.model_copy(update={"held_out": held_out})
            taken.append(reading)
            sounds |= reading.sounds
    return taken, left


def read_like(main: DatasetSpec, reading: Reading) -> Reading:
    """A further list, read as the main one where that gives as much: a short one does not tell its columns itself."""
    held_out, file = reading.spec.held_out, reading.spec.metadata
    other = reading_of(main.model_copy(update={"metadata": file, "held_out": held_out}), reading.file)
    return other if len(other.clips) >= len(reading.clips) else reading
