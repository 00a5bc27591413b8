"""The lines of a metadata file, each with its number, and the audio file that each of them means."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from xtts_finetune.data.readers.raw import Unreadable, lines_of
from xtts_finetune.errors import UserError
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
    """Whether a name has anything but dots and separators."""
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
    forms = (name,) if name.isascii() else (name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD")))
    # os.path and not pathlib: a plan asks this for every clip, and a name that cannot be is no file.
    found = next((form for form in forms if os.path.isfile(form)), None)  # noqa: PTH113
    return None if found is None else Path(found)


BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Line:
    """One line with its line end, and its number from 1."""

    text: str
    number: int


@dataclass(frozen=True)
class Fields:
    """The fields of one line, stripped and in composed Unicode (NFC), as the vocabulary has its letters."""

    values: tuple[str, ...]
    line: int


def read_lines(spec: DatasetSpec) -> Iterator[Line | Unreadable]:
    """Every line, without a byte order mark; lines end at newlines alone, as those of Unicode may be text.

    Raises UserError for a file in UTF-16, where no line could be read.
    """
    metadata = lines_of(spec)
    with metadata.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if number == 1 and raw.startswith(UTF_16_MARKS):
                raise UserError(f"{metadata}: this is UTF-16 text; save it as UTF-8")
            content = raw.removeprefix(BYTE_ORDER_MARK) if number == 1 else raw
            try:
                yield Line(content.decode("utf-8"), number)
            except UnicodeDecodeError as error:
                yield not_utf_8(spec, content, error.start, metadata, number)


def not_utf_8(spec: DatasetSpec, content: bytes, start: int, file: Path, line: int) -> Unreadable:
    """The finding for a line whose byte `start` is not UTF-8."""
    shown = content.decode("utf-8", errors="backslashreplace").strip()
    problem = f"byte {start + 1} of the line is not UTF-8; save the file as UTF-8"
    return Unreadable(spec.name, shown, problem, file, line)


def read_fields(spec: DatasetSpec, separator: str) -> Iterator[Fields | Unreadable]:
    """The fields of every line that is not blank; quotes are text, as in LJSpeech and Coqui's own reader."""
    for line in read_lines(spec):
        if isinstance(line, Unreadable):
            yield line
        elif line.text.strip():
            values = unicodedata.normalize("NFC", line.text).split(separator)
            yield Fields(tuple(value.strip() for value in values), line.number)


def wrong_columns(
    spec: DatasetSpec, metadata: Path, fields: Fields, separator: str, expected: str, most: int
) -> Unreadable:
    """The line has another number of columns than its format wants."""
    shown = "a tab" if separator == "\t" else f"'{separator}'"
    problem = f"expected {expected} separated by {shown} but got {len(fields.values)} columns"
    if len(fields.values) > most:
        problem += f"; take the {shown.removeprefix('a ')} out of the text"
    return Unreadable(spec.name, separator.join(fields.values), problem, metadata, fields.line)
