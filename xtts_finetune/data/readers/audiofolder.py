"""Hugging Face's audiofolder: metadata.csv (with quotes and commas) or metadata.jsonl, its key file_name."""

from __future__ import annotations

from collections.abc import Iterator

from xtts_finetune.data.readers.jsonl import RecordFormat, read_json_records
from xtts_finetune.data.readers.layouts import TEXTS
from xtts_finetune.data.readers.raw import RawClip, Unreadable, lines_of
from xtts_finetune.data.readers.table import read_table
from xtts_finetune.spec.pipeline import DatasetSpec

RECORDS = RecordFormat(("file_name",), TEXTS)
JSON_ENDINGS = (".jsonl", ".json")


def read_audiofolder(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of an audiofolder, in whichever way its metadata is written."""
    if lines_of(spec).suffix.lower() in JSON_ENDINGS:
        return read_json_records(spec, language, RECORDS)
    return read_table(spec, language)
