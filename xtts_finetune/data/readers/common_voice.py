"""Common Voice: a TSV whose header names its columns (path, sentence, client_id, locale ...), sounds in clips/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xtts_finetune.data.readers.lines import (
    ENDINGS,
    Fields,
    clip_id,
    find_audio,
    folders_of,
    names_a_file,
    read_fields,
    wrong_columns,
)
from xtts_finetune.data.readers.raw import RawClip, Unreadable, clip_language, clip_speaker, clip_text, lines_of
from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import DatasetSpec

SEPARATOR = "\t"


def read_common_voice(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of one TSV; quotes are text. Raises UserError for a file without its header."""
    metadata = lines_of(spec)
    folders = [folder / "clips" for folder in folders_of(spec, metadata)]
    header: tuple[str, ...] | None = None
    for fields in read_fields(spec, SEPARATOR):
        if header is None:
            header = _header(spec, metadata, fields)
        elif isinstance(fields, Unreadable):
            yield fields
        elif len(fields.values) != len(header):
            yield wrong_columns(spec, metadata, fields, SEPARATOR, f"{len(header)} columns", len(header))
        else:
            row = dict(zip(header, fields.values, strict=True))
            name = row["path"]
            if not names_a_file(name):
                yield Unreadable(spec.name, row["sentence"], "the line has no path of a sound", metadata, fields.line)
                continue
            yield RawClip(
                id=clip_id(name),
                dataset=spec.name,
                # Early releases leave the ending out.
                audio=find_audio(folders, name, ("",) if Path(name).suffix in ENDINGS else ("", *ENDINGS)),
                text=clip_text(row["sentence"]),
                speaker=clip_speaker(row.get("client_id"), spec),
                language=clip_language(row.get("locale"), language),
                file=metadata,
                line=fields.line,
            )


def _header(spec: DatasetSpec, metadata: Path, fields: Fields | Unreadable) -> tuple[str, ...]:
    if isinstance(fields, Fields) and {"path", "sentence"} <= set(fields.values):
        return fields.values
    found = SEPARATOR.join(fields.values) if isinstance(fields, Fields) else fields.content
    raise UserError(
        f"data set '{spec.name}': {metadata}:{fields.line}: expected a header with 'path' and 'sentence', "
        f"separated by tabs, but got '{found[:80]}'"
    )
