"""LJSpeech: `metadata.csv` with id|text|normalised text, the audio in wavs/<id>.wav."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xtts_finetune.data.readers.raw import (
    ENDINGS,
    RawClip,
    Unreadable,
    existing,
    metadata_of,
    read_fields,
    wrong_columns,
)
from xtts_finetune.spec.pipeline import DatasetSpec


def read_ljspeech(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of an LJSpeech folder; the normalised text counts where it is given."""
    metadata = metadata_of(spec)
    for fields in read_fields(spec):
        if isinstance(fields, Unreadable):
            yield fields
        elif len(fields.values) not in (2, 3) or not fields.values[0]:
            yield wrong_columns(spec, fields, "id|text or id|text|normalised text")
        else:
            name, *texts = fields.values
            yield RawClip(
                id=name,
                dataset=spec.name,
                audio=_audio(spec.path / "wavs", name),
                text=texts[-1] or texts[0],
                speaker=spec.speaker or spec.name,
                language=language,
                file=metadata,
                line=fields.line,
            )


def _audio(folder: Path, name: str) -> Path:
    """The clip's file with whichever ending it has; wavs/<id>.wav where there is none."""
    for ending in ("", *ENDINGS) if Path(name).suffix in ENDINGS else ENDINGS:
        if (found := existing(folder / f"{name}{ending}")) is not None:
            return found
    return folder / f"{name}.wav"
