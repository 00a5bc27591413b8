"""How a list of any kind is read: what is not declared of it is found in its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from xtts_finetune.data.readers.columns import (
    FEWEST_LINES,
    Values,
    looks_like_a_header,
    roles_by_content,
    roles_by_names,
)
from xtts_finetune.data.readers.lacking import what_a_list_lacks
from xtts_finetune.data.readers.layouts import LAYOUTS, SHOWN, Table, table_of_layout
from xtts_finetune.data.readers.lines import LINES_READ, SEPARATORS, Fields, is_quoted, read_fields, stamp_of
from xtts_finetune.data.readers.raw import lines_of
from xtts_finetune.data.readers.sounds import Sounds, existing, names_a_file
from xtts_finetune.errors import UserError
from xtts_finetune.spec.formats import Column
from xtts_finetune.spec.pipeline import DatasetSpec

# Fewer lines may all have the same text by chance.
LINES_THAT_TELL = 10
HELD = {"text": "the texts", "speaker": "the speakers"}


def table_of(spec: DatasetSpec) -> Table:
    """How a list of any kind is read: as declared, and what is not declared as it is found.

    Raises UserError that says the list's first line and what was looked for.
    """
    for separator in (spec.separator,) if spec.separator else (*SEPARATORS, " "):
        quoted = separator != " " and is_quoted(spec, separator)
        rows = [f for f in islice(read_fields(spec, separator, quoted), LINES_READ) if isinstance(f, Fields)]
        if not rows:
            continue
        table = _declared(spec, separator, quoted, rows) if spec.columns else _found(spec, separator, quoted, rows)
        if table is not None:
            return table
    raise UserError(what_a_list_lacks(spec))


def _declared(spec: DatasetSpec, separator: str, quoted: bool, rows: Sequence[Fields]) -> Table | None:
    columns = spec.columns or ()
    if max(len(fields.values) for fields in rows) < 2 and not spec.separator:
        return None
    header = spec.header
    if header is None:
        whole = [fields.values for fields in rows[1:] if len(fields.values) == len(columns)]
        header = looks_like_a_header(rows[0].values, whole, lambda name: _is_sound(spec, name))
    return Table(separator, quoted, header, columns, rows[0].values if header else (), _needed(columns))


def _needed(columns: Sequence[Column]) -> int:
    """How many columns a line must have: up to the last one that every clip needs."""
    return max(columns.index("audio"), columns.index("text")) + 1


def _found(spec: DatasetSpec, separator: str, quoted: bool, rows: Sequence[Fields]) -> Table | None:
    sounds = Sounds(spec, lines_of(spec))
    known: dict[str, bool] = {}

    def is_sound(name: str) -> bool:
        if name not in known:
            known[name] = names_a_file(name) and len(name) < 1000 and existing(sounds.find(name)) is not None
        return known[name]

    for width in _widths(rows, separator, quoted):
        unknown: list[Column] = ["other"] * (width - 1)
        table = Table(separator, quoted, False, (*unknown, "text"), fewest=width)
        whole = [row for fields in rows if (row := table.row(fields)) is not None]
        if len(whole) < 0.5 * len(rows):
            continue
        header = looks_like_a_header(whole[0], whole[1:], is_sound) if spec.header is None else spec.header
        body = whole[1:] if header else whole
        roles = roles_by_names(whole[0]) if header else None
        if roles is None or _few(body, roles) or not any(is_sound(row[roles.index("audio")]) for row in body):
            roles = roles_by_content(body, is_sound) or None
        if roles is not None:
            columns = tuple(roles)
            return replace(
                table, header=header, roles=columns, names=whole[0] if header else (), fewest=_needed(columns)
            )
    return None


def _widths(rows: Sequence[Fields], separator: str, quoted: bool) -> list[int]:
    """How many columns the list may have: what most lines have, and fewer where texts have separators in them."""
    counts = sorted(len(fields.values) for fields in rows if len(fields.values) > 1)
    if not counts:
        return []
    usual = max(set(counts), key=counts.count)
    fewest = counts[len(counts) // 50]
    return [usual] if quoted or separator not in ",;" or fewest >= usual else [fewest, usual]


def _few(rows: Sequence[Sequence[str]], roles: Sequence[Column]) -> bool:
    texts = [place for place, role in enumerate(roles) if role == "text"]
    return all(Values([row[place] for row in rows]).is_few for place in texts)


def _is_sound(spec: DatasetSpec, name: str) -> bool:
    return existing(Sounds(spec, lines_of(spec), search=False).find(name)) is not None


def check_columns(spec: DatasetSpec, speakers: bool = False) -> None:
    """Raise UserError where a format's column of texts has names or numbers, and say which order is likely.

    With `speakers`, also where its column of speakers has something else: for setting up, as that spoils no training.
    """
    _checked(spec, speakers, stamp_of(lines_of(spec)))


@lru_cache(maxsize=64)
def _checked(spec: DatasetSpec, speakers: bool, stamp: tuple[int, int]) -> None:
    layout = LAYOUTS[spec.format]
    table = table_of_layout(spec, layout)
    if table is None:
        return
    lines = islice(read_fields(spec, table.separator, table.quoted), int(table.header), LINES_READ)
    rows = [row for fields in lines if isinstance(fields, Fields) and (row := table.row(fields)) is not None]
    widest = max(map(len, rows), default=0)
    whole = [row for row in rows if len(row) == widest]
    values = {place: Values([row[place] for row in whole]) for place in range(widest)}
    wrong = next((at for at in values if _is_wrong(values[at], table.roles[at], speakers and not table.header)), None)
    if wrong is None or len(whole) < FEWEST_LINES:
        return
    sounds = Sounds(spec, lines_of(spec), layout.home)
    roles = roles_by_content(whole, lambda name: names_a_file(name) and existing(sounds.find(name)) is not None)
    if roles is None and (len(whole) < LINES_THAT_TELL or table.roles[wrong] != "text" or not values[wrong].is_few):
        return
    shown = ", ".join(f"'{value[:20]}'" for value in dict.fromkeys(values[wrong].filled[:200]))[:SHOWN]
    cure = "write 'format: table' and name its columns with 'columns'"
    if roles is not None:
        order = f"columns: [{', '.join(roles)}]"
        cure = f"the order is likely {table.separator.join(roles)}: write 'format: table' and '{order}'"
    should = f"column {wrong + 1} should hold {HELD[table.roles[wrong]]}"
    has = f"but has {'only ' if values[wrong].is_few else ''}{shown} in its {len(whole)} lines"
    raise UserError(f"data set '{spec.name}': {lines_of(spec)}: {should}, {has}; {cure}")


def _is_wrong(values: Values, role: Column, speakers: bool) -> bool:
    """Whether a column cannot hold what its format has there; speakers are looked at only if that is wanted."""
    if not values.filled:
        return False
    if role == "text":
        return values.is_few or not any(any(map(str.isalpha, value)) for value in values.filled)
    other = (values.is_text and values.is_long) or values.is_language or values.is_time
    return role == "speaker" and speakers and other
