"""LJSpeech: `metadata.csv` with id|text|normalised text, the audio in wavs/<id>.wav."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xtts_finetune.data.readers.lines import ENDINGS, find_audio, folders_of, names_a_file, read_fields, wrong_columns
from xtts_finetune.data.readers.raw import RawClip, Unreadable, clip_speaker, clip_text, lines_of
from xtts_finetune.spec.pipeline import DatasetSpec

SEPARATOR = "|"
MOST_COLUMNS = 3
EXPECTED = "id|text or id|text|normalised text"


def read_ljspeech(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of an LJSpeech folder; the normalised text counts where it is given."""
    metadata = lines_of(spec)
    folders = [folder / "wavs" for folder in folders_of(spec, metadata)]
    for fields in read_fields(spec, SEPARATOR):
        if isinstance(fields, Unreadable):
            yield fields
        elif not 2 <= len(fields.values) <= MOST_COLUMNS or not names_a_file(fields.values[0]):
            yield wrong_columns(spec, metadata, fields, SEPARATOR, EXPECTED, MOST_COLUMNS)
        else:
            name, *texts = fields.values
            yield RawClip(
                id=name,
                dataset=spec.name,
                audio=ljspeech_audio(folders, name),
                text=clip_text(texts[-1] or texts[0]),
                speaker=clip_speaker(None, spec),
                language=language,
                file=metadata,
                line=fields.line,
            )


def ljspeech_audio(folders: list[Path], name: str) -> Path:
    """The clip's file with whichever ending it has; wavs/<id>.wav where there is none."""
    has_ending = Path(name).suffix in ENDINGS
    return find_audio(folders, name, ("", *ENDINGS) if has_ending else ENDINGS)
