"""Coqui: `metadata.csv` with audio_file|text|speaker_name, with or without that header."""

from __future__ import annotations

from collections.abc import Iterator

from xtts_finetune.data.readers.lines import (
    Fields,
    clip_id,
    find_audio,
    folders_of,
    names_a_file,
    read_fields,
    wrong_columns,
)
from xtts_finetune.data.readers.raw import RawClip, Unreadable, clip_language, clip_speaker, clip_text, lines_of
from xtts_finetune.spec.pipeline import DatasetSpec

SEPARATOR = "|"
COLUMNS = ("audio_file", "text", "speaker_name")


def read_coqui(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of a Coqui folder. A header may bring further columns, such as emotion_name, in any order."""
    metadata = lines_of(spec)
    folders = folders_of(spec, metadata)
    header: tuple[str, ...] | None = None
    first = True
    for fields in read_fields(spec, SEPARATOR):
        if first and isinstance(fields, Fields) and {"audio_file", "text"} <= set(fields.values):
            header = fields.values
        elif isinstance(fields, Unreadable):
            yield fields
        elif (row := _row(fields, header)) is None:
            columns = header or COLUMNS
            yield wrong_columns(spec, metadata, fields, SEPARATOR, "|".join(columns), len(columns))
        else:
            name = row["audio_file"]
            yield RawClip(
                id=clip_id(name),
                dataset=spec.name,
                audio=find_audio(folders, name),
                text=clip_text(row["text"]),
                speaker=clip_speaker(row.get("speaker_name"), spec),
                language=clip_language(row.get("language"), language),
                file=metadata,
                line=fields.line,
            )
        first = False


def _row(fields: Fields, header: tuple[str, ...] | None) -> dict[str, str] | None:
    """The line's values by column, or None for a wrong number of columns or no audio file."""
    values = fields.values
    if header is None:
        columns = COLUMNS[: len(values)]
        fits = len(values) in (2, 3)
    else:
        columns = header
        fits = len(values) == len(header)
    row = dict(zip(columns, values, strict=False))
    return row if fits and names_a_file(row["audio_file"]) else None
