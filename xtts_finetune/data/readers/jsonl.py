"""JSON lines, or one JSON list: an object a clip, with sound, text, and speaker and language if need be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from xtts_finetune.data.readers.columns import NAMES
from xtts_finetune.data.readers.lines import LINES_READ, Line, read_lines
from xtts_finetune.data.readers.parts import part_problem, several_texts, sounds_in_parts
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
from xtts_finetune.data.readers.sounds import Sounds, clip_id, names_a_file
from xtts_finetune.data.readers.speakers import speaker_in_names
from xtts_finetune.records.values import parse_object
from xtts_finetune.spec.pipeline import DatasetSpec

SPEAKER_KEYS = ("speaker", "speaker_name", "speaker_id")
LANGUAGE_KEYS = ("language", "lang", "locale")
# In NeMo's manifests and others a line may mean a part of a file.
PART_KEYS = ("offset", "end", "duration")


class NoClip(Exception):
    """The record gives no clip; the message says why."""


@dataclass(frozen=True)
class RecordFormat:
    """Under which names a format's records have sound and text, the first that is there counts."""

    audio_keys: Sequence[str]
    text_keys: Sequence[str]

    def audio(self, record: Mapping[str, Any]) -> str:
        """The name of the sound. Raises NoClip."""
        return _needed(record, self.audio_keys, NAMES["audio"])

    def text(self, record: Mapping[str, Any]) -> str:
        """The text. Raises NoClip."""
        return _needed(record, self.text_keys, NAMES["text"])

    def clip(
        self, record: Mapping[str, Any], spec: DatasetSpec, language: str, sounds: Sounds, metadata: Path, line: int
    ) -> RawClip | Unreadable:
        """The record as a clip, or what is wrong with it."""
        try:
            name = self.audio(record).strip()
            if not names_a_file(name):
                raise NoClip(f"'{name}' names no file")
            text = self.text(record)
            speaker = _text(record, SPEAKER_KEYS)
            said_language = _text(record, LANGUAGE_KEYS)
            audio = sounds.find(name)
            if problem := part_problem(audio, *(record.get(key) for key in PART_KEYS)):
                raise NoClip(problem)
        except NoClip as problem:
            shown = ", ".join(f"{key}: {value}" for key, value in record.items())
            return Unreadable(spec.name, printable(shown), str(problem), metadata, line)
        return RawClip(
            id=clip_id(name),
            dataset=spec.name,
            audio=audio,
            text=clip_text(text),
            speaker=clip_speaker(speaker or speaker_in_names(name, audio, spec), spec),
            language=clip_language(said_language, language),
            file=metadata,
            line=line,
        )


def _needed(record: Mapping[str, Any], keys: Sequence[str], others: Sequence[str]) -> str:
    value = _text(record, (*keys, *others))
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


AUDIO_KEYS = ("audio", "audio_file", "audio_filepath", "path")
RECORDS = RecordFormat(AUDIO_KEYS, ("text", "transcript", "sentence"))


def read_jsonl(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of a file of JSON lines."""
    return read_json_records(spec, language, RECORDS)


def read_json_records(spec: DatasetSpec, language: str, format: RecordFormat) -> Iterator[RawClip | Unreadable]:
    """A clip for every object, and what is wrong with each line that holds none."""
    metadata = lines_of(spec)
    sounds = Sounds(spec, metadata, names=lambda: (name for name, _ in _pairs(spec, format)))
    in_parts = sounds_in_parts(islice(_pairs(spec, format), LINES_READ))
    for found in _objects(spec):
        if isinstance(found, Unreadable):
            yield found
            continue
        record, line = found
        clip = format.clip(record, spec, language, sounds, metadata, line)
        if in_parts and isinstance(clip, RawClip) and format.audio(record).strip() in in_parts:
            clip = Unreadable(spec.name, clip.text, several_texts(clip.audio), metadata, line)
        yield clip


def _pairs(spec: DatasetSpec, format: RecordFormat) -> Iterator[tuple[str, str]]:
    """Each object's name of a sound and its text."""
    for found in _objects(spec):
        with suppress(NoClip):
            if not isinstance(found, Unreadable):
                yield format.audio(found[0]).strip(), format.text(found[0])


def _objects(spec: DatasetSpec) -> Iterator[tuple[dict[str, Any], int] | Unreadable]:
    """Each object with its line, of JSON lines or of one JSON list."""
    metadata, first = lines_of(spec), True
    for line in read_lines(spec):
        if isinstance(line, Unreadable):
            yield line
            continue
        content = line.text.strip()
        if not content:
            continue
        if first and content.startswith("["):
            yield from _of_list(spec)
            return
        first = False
        try:
            yield parse_object(content), line.number
        except ValueError as error:
            yield Unreadable(spec.name, content, str(error), metadata, line.number)


def _of_list(spec: DatasetSpec) -> Iterator[tuple[dict[str, Any], int] | Unreadable]:
    """The objects of one list over many lines; what follows a fault in it is not read."""
    metadata = lines_of(spec)
    text = "".join(line.text if isinstance(line, Line) else "\n" for line in read_lines(spec))
    at, line, decoder = text.index("[") + 1, 1, json.JSONDecoder()
    line += text.count("\n", 0, at)
    while True:
        start = at + len(text[at:]) - len(text[at:].lstrip(" \t\r\n,"))
        line += text.count("\n", at, start)
        at = start
        if text.startswith("]", at):
            return
        try:
            record, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            problem = f"the JSON list cannot be read from here on ({str(error).partition(':')[0]})"
            yield Unreadable(spec.name, text[at : at + 80].strip(), problem, metadata, line)
            return
        if isinstance(record, dict):
            yield record, line
        else:
            yield Unreadable(spec.name, str(record), "expected a JSON object, as {...}", metadata, line)
        line += text.count("\n", at, end)
        at = end
