"""The lines of a list in whichever encoding, each with its number, and their fields in whichever quotes."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from xtts_finetune.data.readers.encodings import UTF_8, Encoding, encoding_of
from xtts_finetune.data.readers.raw import Unreadable, lines_of, printable
from xtts_finetune.spec.pipeline import DatasetSpec

# Separators that people use, those first that are rare within texts.
SEPARATORS = ("|", "\t", ";", ",")
NAMES = {"\t": "a tab", " ": "a space"}
# Of a longer list its beginning decides what stands where.
LINES_READ = 50_000


@dataclass(frozen=True)
class Line:
    """One line with its line end, and its number from 1."""

    text: str
    number: int


@dataclass(frozen=True)
class Fields:
    """The fields of one line, stripped and in composed Unicode (NFC), as the vocabulary has its letters; `raw`: all."""

    values: tuple[str, ...]
    line: int
    raw: str = ""


def read_lines(spec: DatasetSpec) -> Iterator[Line | Unreadable]:
    """Every line, without a byte order mark; lines end at newlines alone, as those of Unicode may be text.

    A line that is not of the file's encoding is Unreadable.
    """
    metadata = lines_of(spec)
    encoding = encoding_of(metadata, spec.encoding, spec.language or "")
    if encoding.codec.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
        with metadata.open(encoding=encoding.codec, errors="replace", newline=encoding.line_end) as text:
            yield from (Line(line, number) for number, line in enumerate(text, start=1))
        return
    for number, raw in enumerate(_raw_lines(metadata, encoding), start=1):
        try:
            yield Line(raw.decode(encoding.codec if number == 1 else encoding.codec.removesuffix("-sig")), number)
        except UnicodeDecodeError as error:
            yield not_utf_8(spec, raw, error.start, metadata, number, encoding.codec)


def _raw_lines(metadata: Path, encoding: Encoding) -> Iterator[bytes]:
    if encoding.line_end == "\r":
        yield from re.findall(rb"[^\r]*\r|[^\r]+$", metadata.read_bytes())
        return
    with metadata.open("rb") as file:
        yield from file


def not_utf_8(spec: DatasetSpec, content: bytes, start: int, file: Path, line: int, codec: str = "utf-8") -> Unreadable:
    """The finding for a line whose byte `start` is not of its encoding, UTF-8 as a rule."""
    shown = content.decode("utf-8", errors="backslashreplace").strip()
    name = "UTF-8" if codec in UTF_8 else codec
    return Unreadable(
        spec.name, shown, f"byte {start + 1} of the line is not {name}; save the file as UTF-8", file, line
    )


def read_fields(spec: DatasetSpec, separator: str, quoted: bool = False) -> Iterator[Fields | Unreadable]:
    """The fields of every line that is not blank; quotes are text, or, where `quoted`, as CSV has them.

    A CSV record whose quotes do not match costs its first line alone, not what follows. ' ' separates once.
    """
    if quoted:
        yield from _records(spec, separator)
        return
    for line in read_lines(spec):
        if isinstance(line, Unreadable):
            yield line
        elif line.text.strip():
            yield fields_of(line, separator)


def fields_of(line: Line, separator: str) -> Fields:
    """The fields of a line without quotes."""
    text = unicodedata.normalize("NFC", line.text)
    values = text.split(None, 1) if separator == " " else text.split(separator)
    return Fields(tuple(value.strip() for value in values), line.number, text)


def is_quoted(spec: DatasetSpec, separator: str) -> bool:
    """Whether the list was written as CSV: quotes around fields that need them, doubled within, and nowhere else."""
    return _is_quoted(spec, separator, stamp_of(lines_of(spec)))


def stamp_of(file: Path) -> tuple[int, int]:
    """What tells a list from itself after a change, so that what was found out about it is not found out again."""
    status = file.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=256)
def _is_quoted(spec: DatasetSpec, separator: str, stamp: tuple[int, int]) -> bool:
    wrapped = needed = is_open = bare = False
    every = True
    for line in islice(read_lines(spec), LINES_READ):
        if isinstance(line, Unreadable) or '"' not in line.text:
            every = every and (isinstance(line, Unreadable) or not line.text.strip())
            continue
        plain = [value.strip() for value in line.text.rstrip("\r\n").split(separator)]
        try:
            values = next(csv.reader([line.text.rstrip("\r\n")], delimiter=separator, strict=True), [])
        except csv.Error:
            if separator in "|\t":
                return False
            is_open = True
            continue
        # A quote within a field that has none around it: csv would have put some there.
        if any('"' in value and not value.startswith('"') for value in plain) and len(plain) == len(values):
            bare = True
            continue
        wrapped = True
        needed = needed or len(plain) != len(values) or any('""' in value[1:-1] for value in plain)
        every = every and all(value.startswith('"') for value in plain)
    if is_open:  # texts of several lines, or quotes that are text
        faults = sum(isinstance(record, Unreadable) for record in islice(_records(spec, separator), LINES_READ))
        return not faults or wrapped
    return wrapped and not bare and (needed or every or separator in ",;")


def _records(spec: DatasetSpec, separator: str) -> Iterator[Fields | Unreadable]:
    metadata, found, at = lines_of(spec), list(read_lines(spec)), 0
    while at < len(found):
        line = found[at]
        if isinstance(line, Unreadable):
            yield line
            at += 1
        elif not line.text.strip():
            at += 1
        else:
            try:
                values, used = _record(found, at, separator)
            except csv.Error as error:
                problem = f"not CSV: {error}; check that every double quote is closed, and doubled within a text"
                yield Unreadable(spec.name, line.text.strip(), problem, metadata, line.number)
                at += 1
            else:
                plain = (unicodedata.normalize("NFC", value).strip() for value in values)
                yield Fields(tuple(plain), line.number)
                at += used


def _record(lines: Sequence[Line | Unreadable], start: int, separator: str) -> tuple[list[str], int]:
    """The record that begins at `start`, and over how many lines it goes. Raises csv.Error if it has no end."""

    def following() -> Iterator[str]:
        # No slice: that would copy the rest of the file for every record.
        for place in range(start, len(lines)):
            line = lines[place]
            if isinstance(line, Unreadable):
                raise csv.Error(f"line {line.line} within it is not UTF-8")
            yield line.text

    reader = csv.reader(following(), delimiter=separator, strict=True, skipinitialspace=True)
    return next(reader), reader.line_num


def wrong_columns(
    spec: DatasetSpec, metadata: Path, fields: Fields, separator: str, expected: str, most: int
) -> Unreadable:
    """The line has another number of columns than its format wants."""
    shown = NAMES.get(separator, f"'{separator}'")
    problem = f"expected {expected} separated by {shown} but got {len(fields.values)} columns"
    if len(fields.values) > most:
        problem += f"; take the {shown.removeprefix('a ')} out of the text"
    return Unreadable(spec.name, printable(separator.join(fields.values)), problem, metadata, fields.line)
