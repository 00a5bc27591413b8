"""JSON lines: an object a line, with the sound's path, its text, and speaker and language if need be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.data.readers.lines import clip_id, find_audio, folders_of, names_a_file, read_lines
from xtts_finetune.data.readers.raw import (
    RawClip,
    Unreadable,
    clip_language,
    clip_speaker,
    clip_text,
    is_unicode,
    lines_of,
    printable,
)
from xtts_finetune.records.values import parse_object
from xtts_finetune.spec.pipeline import DatasetSpec

SPEAKER_KEYS = ("speaker", "speaker_name", "speaker_id")
LANGUAGE_KEYS = ("language", "lang", "locale")


class NoClip(Exception):
    """The record gives no clip; the message says why."""


@dataclass(frozen=True)
class RecordFormat:
    """Under which names a format's records have sound and text, the first that is there counts."""

    audio_keys: Sequence[str]
    text_keys: Sequence[str]

    def clip(
        self, record: Mapping[str, Any], spec: DatasetSpec, language: str, metadata: Path, line: int
    ) -> RawClip | Unreadable:
        """The record as a clip, or what is wrong with it."""
        try:
            name = _needed(record, self.audio_keys).strip()
            if not names_a_file(name):
                raise NoClip(f"'{name}' names no file")
            text = _needed(record, self.text_keys)
            speaker = _text(record, SPEAKER_KEYS)
            said_language = _text(record, LANGUAGE_KEYS)
            _check_whole_file(record)
        except NoClip as problem:
            shown = ", ".join(f"{key}: {value}" for key, value in record.items())
            return Unreadable(spec.name, printable(shown), str(problem), metadata, line)
        return RawClip(
            id=clip_id(name),
            dataset=spec.name,
            audio=find_audio(folders_of(spec, metadata), name),
            text=clip_text(text),
            speaker=clip_speaker(speaker, spec),
            language=clip_language(said_language, language),
            file=metadata,
            line=line,
        )


def _needed(record: Mapping[str, Any], keys: Sequence[str]) -> str:
    value = _text(record, keys)
    if value is None:
        raise NoClip(f"expected {' or '.join(keys)} but got {', '.join(map(str, record)) or 'nothing'}")
    return value


def _text(record: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    """The value under the first of `keys` that has one. Raises NoClip if it is no text."""
    for key in keys:
        value = record.get(key)
        if value is None:
            continue
        if isinstance(value, int) and not isinstance(value, bool) and keys is SPEAKER_KEYS:
            return str(value)
        if not isinstance(value, str):
            raise NoClip(f"{key}: expected text in quotes but got {value!r:.40}")
        if not is_unicode(value):
            raise NoClip(f"{key}: it holds half of a character (a lone \\ud800 to \\udfff)")
        return value
    return None


def _check_whole_file(record: Mapping[str, Any]) -> None:
    # In NeMo's manifests a line may mean a part of a file: to train on all of it would be wrong.
    offset = record.get("offset")
    if offset not in (None, "", 0, "0", "0.0"):
        raise NoClip(f"offset: {offset!r:.40}: cut the recording into one file per clip first")


AUDIO_KEYS = ("audio", "audio_file", "audio_filepath", "path")
RECORDS = RecordFormat(AUDIO_KEYS, ("text", "transcript", "sentence"))


def read_jsonl(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of a file of JSON lines."""
    return read_json_records(spec, language, RECORDS)


def read_json_records(spec: DatasetSpec, language: str, format: RecordFormat) -> Iterator[RawClip | Unreadable]:
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
