"""Hugging Face's audiofolder: metadata.csv (with quotes and commas) or metadata.jsonl, its key file_name."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.data.readers.jsonl import RecordFormat, read_json_records
from xtts_finetune.data.readers.lines import Line, read_lines
from xtts_finetune.data.readers.raw import RawClip, Unreadable, lines_of
from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import DatasetSpec

RECORDS = RecordFormat(("file_name",), ("text", "transcription", "sentence", "transcript"))
JSON_ENDINGS = (".jsonl", ".json")


@dataclass(frozen=True)
class Row:
    """The fields of one record, and the line that it begins in."""

    values: list[str]
    line: int


def read_audiofolder(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of an audiofolder, in whichever way its metadata is written."""
    metadata = lines_of(spec)
    if metadata.suffix.lower() in JSON_ENDINGS:
        return read_json_records(spec, language, RECORDS)
    return _read_csv(spec, language, metadata)


def _read_csv(spec: DatasetSpec, language: str, metadata: Path) -> Iterator[RawClip | Unreadable]:
    header: list[str] | None = None
    for row in _rows(spec, metadata):
        if isinstance(row, Unreadable):
            yield row
        elif header is None:
            header = _header(spec, metadata, row)
        elif len(row.values) != len(header):
            problem = (
                f"expected {len(header)} columns but got {len(row.values)}; "
                "a text with a comma or a line break must stand in double quotes"
            )
            yield Unreadable(spec.name, ",".join(row.values), problem, metadata, row.line)
        else:
            # An empty field says nothing, but for the text, whose absence the audit names.
            record = {
                key: value
                for key, value in zip(header, row.values, strict=True)
                if value.strip() or key in RECORDS.text_keys
            }
            yield RECORDS.clip(record, spec, language, metadata, row.line)


def _header(spec: DatasetSpec, metadata: Path, row: Row) -> list[str]:
    names = [value.strip() for value in row.values]
    if "file_name" in names:
        return names
    raise UserError(
        f"data set '{spec.name}': {metadata}:{row.line}: expected a header with 'file_name', separated by "
        f"commas, but got '{','.join(row.values)[:80]}'"
    )


def _rows(spec: DatasetSpec, metadata: Path) -> Iterator[Row | Unreadable]:
    """The records of a CSV file. One whose quotes do not match costs its first line alone, not what follows."""
    found = list(read_lines(spec))
    at = 0
    while at < len(found):
        line = found[at]
        if isinstance(line, Unreadable):
            yield line
            at += 1
        elif not line.text.strip():
            at += 1
        else:
            try:
                values, used = _record(found, at)
            except csv.Error as error:
                problem = f"not CSV: {error}; check that every double quote is closed, and doubled within a text"
                yield Unreadable(spec.name, line.text.strip(), problem, metadata, line.number)
                at += 1
            else:
                yield Row(values, line.number)
                at += used


def _record(lines: Sequence[Line | Unreadable], start: int) -> tuple[list[str], int]:
    """The record that begins at `start`, and over how many lines it goes. Raises csv.Error if it has no end."""

    def following() -> Iterator[str]:
        # No slice: that would copy the rest of the file for every record.
        for place in range(start, len(lines)):
            line = lines[place]
            if isinstance(line, Unreadable):
                raise csv.Error(f"line {line.line} within it is not UTF-8")
            yield line.text

    reader = csv.reader(following(), strict=True, skipinitialspace=True)
    return next(reader), reader.line_num
