"""One file a format; `read_dataset` finds the reader by the name in the declaration.

A data set in another format than the declared one is told before all of its clips are dropped.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from xtts_finetune.data.readers.audiofolder import JSON_ENDINGS, read_audiofolder
from xtts_finetune.data.readers.folder import pairs_of, read_folder
from xtts_finetune.data.readers.found_table import check_columns
from xtts_finetune.data.readers.jsonl import AUDIO_KEYS, read_jsonl
from xtts_finetune.data.readers.layouts import LAYOUTS, TEXTS
from xtts_finetune.data.readers.lines import Fields, Line, read_fields, read_lines
from xtts_finetune.data.readers.parquet import read_parquet
from xtts_finetune.data.readers.raw import RawClip, Unreadable, lines_of, metadata_of
from xtts_finetune.data.readers.sounds import Sounds, existing, names_a_file
from xtts_finetune.data.readers.table import read_table
from xtts_finetune.errors import UserError
from xtts_finetune.records.values import parse_object
from xtts_finetune.spec.formats import LAYOUTS_ARE, Format, what_lies_there
from xtts_finetune.spec.pipeline import DatasetSpec

CLIPS_LOOKED_AT = 5
SHOWN = 80
PIPE = "|"


def check_format(spec: DatasetSpec) -> None:
    """Raise UserError if what the metadata file holds is plainly another format's."""
    if spec.format == "parquet":
        return
    if spec.format == "folder":
        _check_pairs(spec)
        return
    lines = (line for line in read_lines(spec) if not isinstance(line, Line) or line.text.strip())
    first = next(lines, None)
    if not isinstance(first, Line):
        return
    found = formats_of(first.text)
    if found and spec.format not in found and (spec.format != "table" or first.text.lstrip().startswith("{")):
        what = f"line {first.number} is '{first.text.strip()[:SHOWN]}'"
        raise _wrong_format(spec, found[0], what)
    if not found and PIPE in first.text and spec.format != "table":
        _check_places(spec)
    if spec.format in LAYOUTS and lines_of(spec).suffix.lower() not in JSON_ENDINGS:
        check_columns(spec)


def _check_pairs(spec: DatasetSpec) -> None:
    if not any(pair.sounds and pair.texts for pair in pairs_of(spec)):
        raise UserError(
            f"data set '{spec.name}' of the format 'folder': {spec.path} has no sound with its text next to it, "
            f"as x.wav and x.txt{what_lies_there(spec.path, spec.format)}. {LAYOUTS_ARE}"
        )


def formats_of(line: str) -> list[Format]:
    """The formats whose metadata may begin with this line, as far as that is plain; the likeliest first."""
    content = line.strip()
    if content.startswith("{"):
        try:
            keys = parse_object(content).keys()
        except ValueError:
            return []
        found: list[Format] = ["audiofolder"] if "file_name" in keys else []
        return [*found, "jsonl"] if keys & set(AUDIO_KEYS) else found
    if {"path", "sentence"} <= _names(content, "\t"):
        return ["common_voice"]
    if {"audio_file", "text"} <= _names(content, PIPE):
        return ["coqui"]
    try:
        header = next(csv.reader([content]), [])
    except csv.Error:
        return []
    names = {name.strip() for name in header}
    return ["audiofolder"] if "file_name" in names and names & set(TEXTS) else []


def _names(line: str, separator: str) -> set[str]:
    return {name.strip() for name in line.split(separator)}


def _check_places(spec: DatasetSpec) -> None:
    """LJSpeech and Coqui look alike without a header, but for where the sounds lie."""
    clips = (fields for fields in read_fields(spec, PIPE) if isinstance(fields, Fields) and len(fields.values) > 1)
    names = [fields.values[0] for fields in islice(clips, CLIPS_LOOKED_AT)]
    names = [name for name in names if names_a_file(name)]
    if _first_found(spec, spec.format, names) is not None:
        return
    others: tuple[tuple[Format, str], ...] = (("coqui", "its path"), ("ljspeech", "wavs/<id>.wav"))
    for other, place in others:
        if (name := _first_found(spec, other, names)) is not None:
            raise _wrong_format(spec, other, f"the sound of '{name}' lies at {place}")


def _first_found(spec: DatasetSpec, format: Format, names: Sequence[str]) -> str | None:
    """The first name whose sound lies where the format has it."""
    if format not in ("ljspeech", "coqui"):
        return None
    sounds = Sounds(spec, lines_of(spec), LAYOUTS[format].home, search=False)
    return next((name for name in names if existing(sounds.find(name)) is not None), None)


def _wrong_format(spec: DatasetSpec, likely: Format, what: str) -> UserError:
    return UserError(
        f"data set '{spec.name}': {lines_of(spec)} should be '{spec.format}' but looks like '{likely}': "
        f"{what}; write 'format: {likely}' in pipeline.yaml"
    )


__all__ = ["READERS", "RawClip", "Unreadable", "check_dataset", "metadata_of", "read_dataset"]

Reader = Callable[[DatasetSpec, str], Iterator[RawClip | Unreadable]]

READERS: dict[Format, Reader] = {
    "ljspeech": read_table,
    "coqui": read_table,
    "folder": read_folder,
    "common_voice": read_table,
    "jsonl": read_jsonl,
    "audiofolder": read_audiofolder,
    "table": read_table,
    "parquet": read_parquet,
}


def read_dataset(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """Every clip of a data set, not checked yet, or the problem with it; no audio is read.

    `language` is the pipeline's; the data set's own wins, and a line's wins over both. Raises UserError if
    folder or metadata is missing, or plainly in another format than the declared one.
    """
    if language and not spec.language:
        spec = spec.model_copy(update={"language": language})
    check_format(spec)
    return READERS[spec.format](spec, spec.language or language)


def check_dataset(spec: DatasetSpec) -> None:
    """Raise UserError for what makes a whole data set useless, from its first clip alone."""
    next(read_dataset(spec, ""), None)
