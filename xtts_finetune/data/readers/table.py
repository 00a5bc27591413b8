"""Lists with a line per clip: LJSpeech's, Coqui's, Common Voice's and anybody's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from xtts_finetune.data.readers.found_table import table_of
from xtts_finetune.data.readers.layouts import LAYOUTS, Layout, Table, table_of_layout
from xtts_finetune.data.readers.lines import LINES_READ, Fields, read_fields, stamp_of, wrong_columns
from xtts_finetune.data.readers.parts import part_problem, several_texts, sounds_in_parts
from xtts_finetune.data.readers.raw import RawClip, Unreadable, clip_language, clip_speaker, clip_text, lines_of
from xtts_finetune.data.readers.sounds import Sounds, clip_id, names_a_file
from xtts_finetune.data.readers.speakers import speaker_in_names
from xtts_finetune.spec.pipeline import DatasetSpec


def read_table(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """The clips of a list. Raises UserError where its columns cannot be told, or hold something else."""
    layout = LAYOUTS.get(spec.format)
    metadata = lines_of(spec)
    table = table_of(spec) if layout is None else table_of_layout(spec, layout)
    if table is None:
        return
    sounds = Sounds(spec, metadata, layout.home if layout else "", lambda: (name for name, _ in _pairs(spec, table)))
    in_parts = _in_parts(spec, table, stamp_of(metadata))
    first = True
    for fields in read_fields(spec, table.separator, table.quoted):
        is_header, first = first and table.header, False
        if is_header:
            continue
        if isinstance(fields, Unreadable):
            yield fields
            continue
        row = table.row(fields)
        if row is None:
            yield _wrong(spec, layout, table, fields)
            continue
        name = table.of(row, "audio")
        audio = sounds.find(name)
        problem = part_problem(audio, table.of(row, "start"), table.of(row, "end"))
        if name in in_parts:
            problem = problem or several_texts(audio)
        if not names_a_file(name):
            column = table.roles.index("audio") + 1
            problem = f"expected the name of a sound in column {column} but got '{name}'"
        if problem:
            yield Unreadable(spec.name, table.separator.join(fields.values), problem, metadata, fields.line)
            continue
        yield RawClip(
            id=clip_id(name),
            dataset=spec.name,
            audio=audio,
            text=clip_text(table.of(row, "text")),
            speaker=clip_speaker(table.of(row, "speaker") or speaker_in_names(name, audio, spec), spec),
            language=clip_language(table.of(row, "language"), language),
            file=metadata,
            line=fields.line,
        )


@lru_cache(maxsize=64)
def _in_parts(spec: DatasetSpec, table: Table, stamp: tuple[int, int]) -> frozenset[str]:
    return sounds_in_parts(islice(_pairs(spec, table), LINES_READ))


def _pairs(spec: DatasetSpec, table: Table) -> Iterator[tuple[str, str]]:
    """Each line's name of a sound and its text."""
    for fields in read_fields(spec, table.separator, table.quoted):
        row = table.row(fields) if isinstance(fields, Fields) else None
        if row is not None:
            yield table.of(row, "audio"), table.of(row, "text")


def _wrong(spec: DatasetSpec, layout: Layout | None, table: Table, fields: Fields) -> Unreadable:
    metadata, most = lines_of(spec), len(table.roles)
    if table.quoted:
        problem = (
            f"expected {most} columns but got {len(fields.values)}; "
            "a text with a comma or a line break must stand in double quotes"
        )
        return Unreadable(spec.name, table.separator.join(fields.values), problem, metadata, fields.line)
    expected = f"{most} columns"
    if layout and layout.expected:
        expected = "|".join(table.names) if table.header else layout.expected
    return wrong_columns(spec, metadata, fields, table.separator, expected, most)
