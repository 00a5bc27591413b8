"""Finds the audio file that a line of metadata means."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from xtts_finetune.spec.pipeline import DatasetSpec

# What soundfile reads, the usual ones first.
ENDINGS = (
    ".wav",
    ".flac",
    ".mp3",
    ".ogg",
    ".opus",
    ".aiff",
    ".aif",
    ".au",
    ".w64",
    ".caf",
    ".WAV",
    ".FLAC",
    ".MP3",
)


def clip_id(name: str) -> str:
    """The path without its ending: files in two folders may share a name."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.with_suffix("").as_posix() if path.suffix in ENDINGS else path.as_posix()


def names_a_file(name: str) -> bool:
    """Whether anything is left of a name besides dots and separators."""
    return bool(name.strip("/\\. "))


def find_audio(folders: Iterable[Path], name: str, endings: Sequence[str] = ("",)) -> Path:
    """The file `name` in the first of `folders` that has it, a path written on Windows included.

    With `endings`, each is tried behind the name. The first file looked for where there is none.
    """
    names = dict.fromkeys((name, name.replace("\\", "/")))
    # An absolute name stays as it is: joining keeps the right side then.
    candidates = [folder / f"{form}{ending}" for folder in folders for form in names for ending in endings]
    return next((found for path in candidates if (found := existing(path)) is not None), candidates[0])


def folders_of(spec: DatasetSpec, metadata: Path) -> tuple[Path, ...]:
    """What a relative path may be relative to: the data set's folder, or that of its metadata file."""
    return tuple(dict.fromkeys((spec.path, metadata.parent)))


def existing(audio: Path) -> Path | None:
    """`audio` as it lies on the disk, whichever way its accents are composed, or None."""
    name = str(audio)
    # Composed and decomposed accents look the same but name different files everywhere but on macOS.
    forms = (
        (name,) if name.isascii() else (name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD")))
    )
    # os.path and not pathlib: a plan asks this for every clip, and a name that cannot be is no file.
    found = next((form for form in forms if os.path.isfile(form)), None)  # noqa: PTH113
    return None if found is None else Path(found)
