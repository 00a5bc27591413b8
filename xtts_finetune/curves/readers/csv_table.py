"""Curves of a table: comma, semicolon or tab between columns, names guessed from the first line."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from xtts_finetune.curves.curves import Curves
from xtts_finetune.curves.readers.rows import curves_of_rows, role_of
from xtts_finetune.errors import UserError

FORMAT = "CSV"
DELIMITERS = (",", ";", "\t")


def is_table(head: str) -> bool:
    """Whether the first line has at least two columns, one of them a loss, and the next as many."""
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith("#")][:2]
    if len(lines) < 2:
        return False
    delimiter = delimiter_of(lines[0])
    names, cells = (next(csv.reader([line], delimiter=delimiter)) for line in lines)
    return len(names) == len(cells) >= 2 and any(role_of(name) in ("train", "evaluation") for name in names)


def delimiter_of(line: str) -> str:
    """The delimiter that makes the most columns of a line."""
    return max(DELIMITERS, key=line.count)


def read_table(lines: Iterable[str], source: str) -> Curves:
    """The curves of a table. Raises UserError when no column is a loss."""
    kept = [line for line in lines if line.strip() and not line.startswith("#")]
    delimiter = delimiter_of(kept[0])
    names = [name.strip() for name in next(csv.reader(kept[:1], delimiter=delimiter))]
    rows = []
    for cells in csv.reader(kept[1:], delimiter=delimiter):
        numbers = {name: number_in(cell, delimiter) for name, cell in zip(names, cells, strict=False)}
        rows.append({name: number for name, number in numbers.items() if number is not None})
    found = curves_of_rows(rows, source, FORMAT, "column")
    if found is None:
        listed = ", ".join(repr(name) for name in names)
        raise UserError(f"{Path(source)}: no column is a loss; the columns are {listed}")
    return found


def number_in(cell: str, delimiter: str = ",") -> float | None:
    """The number of a cell, None for an empty one or a word; with a decimal comma where commas part no columns."""
    text = cell.strip()
    if delimiter != ",":
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None
