"""What every reader gives, and how the lines of a metadata file become fields."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import DatasetSpec

METADATA = "metadata.csv"
SEPARATOR = "|"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")

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


@dataclass(frozen=True)
class RawClip:
    """One line of a data set as it stands, nothing checked yet. The audio may be missing."""

    id: str
    dataset: str
    audio: Path
    text: str
    speaker: str
    language: str
    file: Path
    line: int


@dataclass(frozen=True)
class Unreadable:
    """A line that is no clip: what is wrong with it, and its content as far as it can be shown."""

    dataset: str
    content: str
    problem: str
    file: Path
    line: int


@dataclass(frozen=True)
class Fields:
    """The fields of one line, stripped and in composed Unicode (NFC), as the vocabulary has its letters."""

    values: tuple[str, ...]
    line: int


def metadata_of(spec: DatasetSpec) -> Path:
    """The data set's metadata file. Raises UserError if the folder or the file is missing."""
    if not spec.path.is_dir():
        raise UserError(
            f"data set '{spec.name}': there is no folder {spec.path}; correct its 'path' in pipeline.yaml"
        )
    metadata = spec.path / METADATA
    if not metadata.is_file():
        raise UserError(
            f"data set '{spec.name}': {spec.path} has no {METADATA}; "
            f"it must hold one line a clip, in the format '{spec.format}'"
        )
    return metadata


def read_fields(spec: DatasetSpec) -> Iterator[Fields | Unreadable]:
    """The fields of every line that is not blank; quotes are text, as in LJSpeech and Coqui's own reader.

    Lines end at newlines alone, so that the rarer line ends of Unicode may stand in a text.
    Raises UserError for a file in UTF-16, where no line could be read.
    """
    metadata = metadata_of(spec)
    with metadata.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if number == 1 and raw.startswith(UTF_16_MARKS):
                raise UserError(f"{metadata}: this is UTF-16 text; save it as UTF-8")
            content = raw.removeprefix(BYTE_ORDER_MARK) if number == 1 else raw
            try:
                line = content.decode("utf-8")
            except UnicodeDecodeError as error:
                shown = content.decode("utf-8", errors="backslashreplace").strip()
                problem = f"byte {error.start + 1} of the line is not UTF-8; save the file as UTF-8"
                yield Unreadable(spec.name, shown, problem, metadata, number)
                continue
            if line.strip():
                values = tuple(unicodedata.normalize("NFC", field).strip() for field in line.split(SEPARATOR))
                yield Fields(values, number)


def wrong_columns(spec: DatasetSpec, fields: Fields, expected: str) -> Unreadable:
    """The line has another number of columns than its format wants."""
    problem = f"expected {expected} separated by '{SEPARATOR}' but got {len(fields.values)} columns"
    return Unreadable(spec.name, SEPARATOR.join(fields.values), problem, spec.path / METADATA, fields.line)


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
