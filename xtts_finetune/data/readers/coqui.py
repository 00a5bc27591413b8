"""Coqui: `metadata.csv` with audio_file|text|speaker_name, with or without that header."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from xtts_finetune.data.readers.raw import (
    ENDINGS,
    Fields,
    RawClip,
    Unreadable,
    existing,
    metadata_of,
    read_fields,
    wrong_columns,
)
from xtts_finetune.spec.pipeline import DatasetSpec

COLUMNS = ("audio_file", "text", "speaker_name")


def read_coqui(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of a Coqui folder. A header may bring further columns, such as emotion_name, in any order."""
    metadata = metadata_of(spec)
    header: tuple[str, ...] | None = None
    first = True
    for fields in read_fields(spec):
        if first and isinstance(fields, Fields) and {"audio_file", "text"} <= set(fields.values):
            header = fields.values
        elif isinstance(fields, Unreadable):
            yield fields
        elif (row := _row(fields, header)) is None:
            yield wrong_columns(spec, fields, "|".join(header or COLUMNS))
        else:
            name = row["audio_file"]
            yield RawClip(
                id=_id(name),
                dataset=spec.name,
                audio=_audio(spec.path, name),
                text=row["text"],
                speaker=row.get("speaker_name") or spec.speaker or spec.name,
                language=language,
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
    return row if fits and row["audio_file"].strip("/\\.") else None


def _id(name: str) -> str:
    """The path without its ending: files in two folders may share a name."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.with_suffix("").as_posix() if path.suffix in ENDINGS else path.as_posix()


def _audio(folder: Path, name: str) -> Path:
    """The clip's file; a path written on Windows is read everywhere."""
    # An absolute path stays as it is: joining keeps the right side then.
    return existing(folder / name) or existing(folder / name.replace("\\", "/")) or folder / name
