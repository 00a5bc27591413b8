"""The formats of a data set, and where each keeps its texts. Looks at names of files, never into them."""

from __future__ import annotations

import codecs
import os
from pathlib import Path
from typing import Literal, get_args

from xtts_finetune.spec.reading.words import listed

Format = Literal["ljspeech", "coqui", "folder", "common_voice", "jsonl", "audiofolder", "table", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)

# What a column of a table may hold. Of several texts in a line the last that is not empty counts.
Column = Literal["audio", "text", "speaker", "language", "start", "end", "other"]
# The format whose columns may be declared.
TABLES = ("table",)

# The metadata file of each format by its usual names. 'folder' has none: a text lies beside every sound.
METADATA: dict[str, tuple[str, ...]] = {
    "ljspeech": ("metadata.csv",),
    "coqui": ("metadata.csv",),
    "folder": (),
    # All clips that people agreed on; train.tsv, dev.tsv and test.tsv are parts of it.
    "common_voice": ("validated.tsv",),
    "jsonl": ("metadata.jsonl",),
    "audiofolder": ("metadata.csv", "metadata.jsonl"),
    # A list by any other name: 'metadata' says which.
    "table": ("metadata.csv",),
    # All Parquet files of the folder, unless 'metadata' says which, as data/train-*.parquet.
    "parquet": (),
}
ENDINGS_OF_METADATA = (".csv", ".tsv", ".jsonl", ".json", ".txt", ".list", ".lst", ".tab", ".filelist", ".parquet")
FILES_NAMED = 3
# Where to read on, for messages about how data lies.
LAYOUTS_ARE = "docs/data.md#layouts lists every layout that is read."


def find_metadata(folder: Path, format: str, declared: str | Path | None) -> Path | None:
    """The metadata file of a data set: the declared one, or the format's usual one; None for 'folder' and 'parquet'.

    Raises ValueError that says, about the folder, what is missing and what lies there instead.
    """
    if format in ("folder", "parquet"):
        return None
    if declared is not None:
        if _is_file(folder / declared):
            return folder / declared
        raise ValueError(f"has no '{declared}', which 'metadata' names{what_lies_there(folder, format)}")
    usual = METADATA.get(format, ())
    found = [folder / name for name in usual if _is_file(folder / name)]
    if len(found) > 1:
        raise ValueError(f"has {listed(path.name for path in found)}; say with 'metadata' which one counts")
    if not found:
        raise ValueError(f"has no {' or '.join(usual)}, which holds the clips' texts{what_lies_there(folder, format)}")
    return found[0]


def what_lies_there(folder: Path, format: str) -> str:
    """'; ...' with the format that the folder's files look like, or the files that might be meant."""
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError:
        return ""
    for other in FORMATS:
        there = [name for name in METADATA[other] if name in names and name not in METADATA[format]]
        if there:
            return f"; it has {there[0]}, as the format '{other}' does"
    stems = {Path(name).stem for name in names if name.lower().endswith(".wav")}
    if any(f"{stem}.txt" in names for stem in stems):
        return "; it has a text next to its sounds, as the format 'folder' does"
    if likely := [name for name in names if name.lower().endswith(ENDINGS_OF_METADATA)]:
        more = " ..." if len(likely) > FILES_NAMED else ""
        return f"; if it is one of {listed(likely[:FILES_NAMED])}{more}, name it with 'metadata'"
    return ""


def encoding_problem(written: object) -> str:
    """What is wrong with the name of an encoding, in words; '' for none."""
    try:
        codecs.lookup(written) if isinstance(written, str) else None
    except (LookupError, ValueError):
        return f"'{written}' is not an encoding; for example cp1250, cp1252, utf-8, utf-16"
    return ""


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - a name that cannot be is no file, never an error
