"""The lines of a metadata file, each with its number; what is no UTF-8 is named, and the rest is read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.data.readers.raw import Unreadable, lines_of
from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import DatasetSpec

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
