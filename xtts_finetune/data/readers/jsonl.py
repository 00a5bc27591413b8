"""JSON lines: an object a line, with the sound's path, its text, and speaker and language if need be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from xtts_finetune.data.readers.lines import read_lines
from xtts_finetune.data.readers.raw import RawClip, Unreadable, lines_of
from xtts_finetune.data.readers.records import RecordFormat
from xtts_finetune.spec.pipeline import DatasetSpec

AUDIO_KEYS = ("audio", "audio_file", "audio_filepath", "path")
RECORDS = RecordFormat(AUDIO_KEYS, ("text", "transcript", "sentence"))


def read_jsonl(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of a file of JSON lines."""
    return read_json_records(spec, language, RECORDS)


def read_json_records(
    spec: DatasetSpec, language: str, format: RecordFormat
) -> Iterator[RawClip | Unreadable]:
    """A clip for every line that holds an object, and what is wrong with each other line."""
    metadata = lines_of(spec)
    for line in read_lines(spec):
        if isinstance(line, Unreadable):
            yield line
            continue
        content = line.text.strip()
        if not content:
            continue
        try:
            record = parse_object(content)
        except ValueError as error:
            yield Unreadable(spec.name, content, str(error), metadata, line.number)
        else:
            yield format.clip(record, spec, language, metadata, line.number)


def parse_object(content: str) -> dict[str, Any]:
    """A line's JSON object. Raises ValueError that says what is wrong with the line."""
    try:
        record = json.loads(content)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at character {error.pos + 1}") from None
    except (RecursionError, ValueError) as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(record, dict):
        raise ValueError("expected a JSON object, as {...}, but got another value")
    return record
