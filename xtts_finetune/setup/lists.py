"""Files that may hold the texts of a data set, and what their names say that they are for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path, PurePosixPath

from xtts_finetune.data.readers.encodings import encoding_of
from xtts_finetune.data.readers.lines import SEPARATORS
from xtts_finetune.spec.formats import ENDINGS_OF_METADATA

# Endings that other files have as well: such a file is a list if most of its lines have columns.
OF_OTHERS = (".txt", "")
# What `import` and its review keep of themselves, the language beside Coqui's lists, and what lies in every project.
NOT_LISTS = ("import.jsonl", "review.jsonl", "lang.txt", "requirements.txt", "dataset_info.json")
# What shows that a file of JSON is about clips, and no settings.
OF_JSON = re.compile(r'"[a-z_]*(text|sentence|transcript)[a-z_]*"\s*:|\.(wav|flac|mp3|ogg|opus|m4a)"', re.IGNORECASE)
LINES_LOOKED_AT = 20
BYTES_READ = 20_000


class Kind(Enum):
    """What a list is for, as its name tells."""

    TRAINING = auto()
    EVAL = auto()
    TEST = auto()
    REFUSED = auto()


WORDS = {
    Kind.EVAL: {"eval", "evaluation", "dev", "val", "valid", "validation", "heldout"},
    Kind.TEST: {"test", "testing"},
    # Common Voice's clips that people voted against, or have not voted on.
    Kind.REFUSED: {"invalidated", "other", "reported"},
}


def kind_of(name: str) -> Kind:
    """What the list or folder of that name is for."""
    path = PurePosixPath(name.lower())
    words = set(re.findall(r"[a-z]+", path.name.partition(".")[0]))
    if not words & WORDS[Kind.REFUSED] or path.suffix != ".tsv":
        return next((kind for kind in (Kind.EVAL, Kind.TEST) if words & WORDS[kind]), Kind.TRAINING)
    return Kind.REFUSED


def split_of(name: str) -> str:
    """What a list's own name adds to its data set's: 'eval' for metadata_eval.csv."""
    stem = PurePosixPath(name).name.partition(".")[0]
    return re.sub(r"^(metadata|filelist|transcripts?)[_-]*|[-_*]+$", "", stem, flags=re.IGNORECASE) or "more"


def names_texts(path: Path) -> bool:
    """Whether a file looks so much like a list that it is worth a word where it cannot be read as one."""
    return is_a_list(path) and (path.suffix.lower() not in OF_OTHERS or _has_columns(path, SEPARATORS[:3]))


def is_a_list(path: Path) -> bool:
    """Whether a file may hold the texts of many clips, as its ending and, where many have that, its lines tell."""
    ending = path.suffix.lower()
    if path.name.lower() in NOT_LISTS or path.name.startswith("."):
        return False
    if ending == ".json":
        return bool(OF_JSON.search("\n".join(first_lines(path))))
    if ending not in OF_OTHERS:
        return ending in ENDINGS_OF_METADATA
    return _has_columns(path, (*SEPARATORS[:3], " "))


def _has_columns(path: Path, separators: Sequence[str]) -> bool:
    lines = first_lines(path)
    columns = sum(any(separator in line for separator in separators) for line in lines)
    return len(lines) > 1 and columns > 0.8 * len(lines)


def first_lines(path: Path) -> list[str]:
    """The first lines of a text that are not blank; none where it is no text."""
    try:
        encoding = encoding_of(path)
        with path.open(encoding=encoding.codec, errors="replace") as file:
            text = file.read(BYTES_READ)
    except (OSError, UnicodeError):
        return []
    return [] if "\0" in text else [line.strip() for line in text.splitlines() if line.strip()][:LINES_LOOKED_AT]
