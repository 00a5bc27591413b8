"""What setting up finds and asks: a folder's format and clips, a base, and the answers. Nothing is declared yet."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from xtts_finetune.data.first_look import FirstLook
from xtts_finetune.data.readers import RawClip, read_dataset
from xtts_finetune.data.readers.folder import SOUND_ENDINGS
from xtts_finetune.errors import UserError
from xtts_finetune.fixed import V2_SIZES
from xtts_finetune.pipeline.plan.disk import has_hifigan, weights_bytes
from xtts_finetune.spec.files import is_base_folder
from xtts_finetune.spec.formats import ENDINGS_OF_METADATA, FORMATS, Format
from xtts_finetune.spec.pipeline import DatasetSpec
from xtts_finetune.usual import TINY, gpt_weights
from xtts_finetune.xtts.base import KNOWN_BASES, find_base, read_config
from xtts_finetune.xtts.releases import release_of

# XTTS v2's sizes, for a base that is not fetched yet.
XTTS_V2_CONFIG = {"model_args": V2_SIZES}


@dataclass(frozen=True)
class FoundBase:
    """A base as it is to be declared. `missing` says what is to be done where it is not on this machine yet."""

    declared: str
    model_bytes: int
    config: dict[str, Any]
    preview: bool
    missing: str = ""
    vocab: Path | None = None

    @property
    def weights(self) -> float:
        """About how many weights its GPT has."""
        return gpt_weights(self.config["model_args"])

    @property
    def small(self) -> bool:
        """Whether it is one of a few million weights, which learns at other rates than XTTS v2."""
        return self.weights < TINY


@dataclass(frozen=True)
class Answers:
    """Everything that the files are written from.

    memory   bytes of the GPU, or of the computer where there is none
    look     which clips of `data` will be kept
    """

    folder: Path
    name: str
    data: Sequence[FoundSet]
    language: str
    language_why: str
    base: FoundBase
    memory: int
    on_gpu: bool
    look: FirstLook


def look_at_base(name_or_path: str) -> FoundBase:
    """The base of that name or in that folder. A known one may be missing still; UserError for any other."""
    if not is_base_folder(Path.cwd(), name_or_path) and name_or_path not in KNOWN_BASES:
        raise UserError(
            f"there is no folder '{name_or_path}', and no base of that name is known; known: {', '.join(KNOWN_BASES)}"
        )
    known = name_or_path in KNOWN_BASES
    declared = name_or_path if known else str(Path(name_or_path).expanduser().absolute())
    try:
        base = find_base(declared)
    except UserError as error:
        release = release_of(declared)
        if not known or release is None:
            raise
        return FoundBase(declared, release.file("model.pth").size, XTTS_V2_CONFIG, False, str(error))
    preview = not has_hifigan(base.model)
    return FoundBase(declared, weights_bytes(base.model), read_config(base), preview, vocab=base.vocab)


# Enough lines to tell the formats apart.
LINES_TRIED = 30
# More files than this that might hold texts, and the folder is something else.
METADATA_TRIED = 12


@dataclass(frozen=True)
class FoundSet:
    """One data set: how to declare it, and its clips that have a text and a sound.

    own_speakers  whether its lines say who speaks
    """

    spec: DatasetSpec
    clips: tuple[RawClip, ...]
    own_speakers: bool

    def __str__(self) -> str:
        kept = f" ({self.spec.metadata})" if self.spec.metadata else ""
        return f"{self.spec.path}: {len(self.clips)} recordings with texts, format {self.spec.format}{kept}"


def find_data(folders: Sequence[Path]) -> list[FoundSet]:
    """The data sets in the folders; a folder that is none itself may have some as its sub-folders.

    Raises UserError that says what lies there instead, and how recordings should lie.
    """
    found: list[FoundSet] = []
    names: set[str] = set()
    for folder in folders:
        if not folder.is_dir():
            kind = "is a file; give its folder" if folder.is_file() else "is not there"
            raise UserError(f"the folder {folder} {kind}")
        here = _found_in(folder, names)
        if not here:
            raise UserError(_what_is_missing(folder))
        found += here
    return found


def _found_in(folder: Path, names: set[str]) -> list[FoundSet]:
    whole = look_at(folder, names)
    if whole is not None:
        return [whole]
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    parts = (look_at(path, names) for path in below)
    return [part for part in parts if part is not None]


def look_at(folder: Path, names: set[str]) -> FoundSet | None:
    """The data set that the folder is, in the format that gives the most clips; None if it is none."""
    name = unused_name(slug(folder.resolve().name), names)
    best, most = None, 0
    for spec in _possible_specs(folder, name):
        count = sum(1 for clip in islice(_clips_of(spec), LINES_TRIED) if clip is not None)
        if count > most:
            best, most = spec, count
    if best is None:
        return None
    names.add(name)
    clips = tuple(clip for clip in _clips_of(best) if clip is not None)
    return FoundSet(best, clips, any(clip.speaker != best.name for clip in clips))


def _possible_specs(folder: Path, name: str) -> Iterator[DatasetSpec]:
    """Every way in which the folder might be declared, the usual ones first."""
    for format in FORMATS:
        yield DatasetSpec(name=name, path=folder, format=format)
    files = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in ENDINGS_OF_METADATA)
    # Thousands of .txt are the texts of single sounds.
    for file in files if len(files) <= METADATA_TRIED else ():
        formats: tuple[Format, ...] = tuple(format for format in FORMATS if format != "folder")
        for format in formats:
            yield DatasetSpec(name=name, path=folder, format=format, metadata=Path(file))


def _clips_of(spec: DatasetSpec) -> Iterator[RawClip | None]:
    """The clips with text and sound, None for each line that is not one; none at all in a wrong format."""
    try:
        for line in read_dataset(spec, ""):
            good = isinstance(line, RawClip) and bool(line.text.strip()) and line.audio.is_file()
            yield line if good and isinstance(line, RawClip) else None
    except (UserError, OSError, ValueError):
        return


def slug(text: str) -> str:
    """A name that may be declared, of a folder's: 'Kovács Ági' becomes 'kovacs_agi'."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9-]+", "_", plain.lower()).strip("_-")[:40] or "voice"


def unused_name(name: str, names: set[str]) -> str:
    """`name`, or with a number behind it where it is taken."""
    number, free = 1, name
    while free in names:
        number += 1
        free = f"{name}_{number}"
    return free


LAYOUT = """Put every text next to its sound, as
    x.wav
    x.txt      Good evening, and welcome.
or all texts into metadata.csv, one line per clip, with the sounds in wavs/:
    x|Good evening, and welcome.
docs/data.md has the other formats."""


def _what_is_missing(folder: Path) -> str:
    """Why a folder is no data set, as far as that can be seen."""
    sounds = sum(1 for path in islice(folder.rglob("*"), 20_000) if path.suffix.lower() in SOUND_ENDINGS)
    if look_at(folder.resolve().parent, set()) is not None:
        return f"{folder} has no texts, but the folder above it looks like a data set: {folder.resolve().parent}"
    if sounds:
        return (
            f"{folder} has {sounds} sounds, but no texts that belong to them, and training needs the exact words of "
            f"every clip. {LAYOUT}"
        )
    return f"{folder} has no recordings with their texts. {LAYOUT}"
