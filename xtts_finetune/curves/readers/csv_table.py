"""Curves of a table: commas, semicolons, tabs, bars or blanks between columns, names guessed from its first line.

The table may stand anywhere in a log, as pandas, notebooks, skorch and fastai print it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from xtts_finetune.curves.readers.named_numbers import numbers_in
from xtts_finetune.curves.readers.names import EVALUATION, FEWEST, is_loss, role_of, words_in
from xtts_finetune.curves.readers.numbers import number_in
from xtts_finetune.curves.readers.rows import Row

CSV, TABLE = "CSV", "table"
MOST_NAMED = 3000  # lines with named losses; below so many of them no table is looked for
LATEST_STEP = 1e9  # what is larger is a time
Split = Callable[[str], list[str]]
_MAY_BE = re.compile(r"loss|ce\b|nll|criterion|value|cost|mse|mae|objective|elbo|entropy", re.IGNORECASE)
# Columns of words that say which loss a row has, and those that say of which set it is.
_QUANTITY = {"tag", "metric", "name", "key", "variable"}
_SET = {"split", "phase", "mode", "stage", "set", "subset", "dataset"}


def _by(delimiter: str) -> Split:
    return lambda line: next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


def _by_bars(line: str) -> list[str]:
    return re.split(r"[|│┃]", line.strip().strip("|│┃")) if re.search(r"[|│┃]", line) else [line]


SPLITS: tuple[tuple[str, Split], ...] = (
    (CSV, _by(",")),
    (CSV, _by(";")),
    (CSV, _by("\t")),
    (TABLE, _by_bars),
    (TABLE, lambda line: re.split(r"\s{2,}|\t", line.strip())),
    (TABLE, str.split),
)


def rows_of_table(lines: Sequence[str], file_name: str = "") -> tuple[str, list[Row]]:
    """What the first table in lines is called, and its rows of numbers; no rows where there is no table.

    file_name  says what the loss of a scalar is that TensorBoard exported, whose columns are Wall time, Step, Value
    """
    named = 0
    for at, line in enumerate(lines):
        if not _MAY_BE.search(line) or numbers_in(line):
            named += bool(_MAY_BE.search(line))
            if named > MOST_NAMED:
                break
            continue
        for form, split in SPLITS:
            names = _names(split(line.lstrip("# ")), file_name)
            if len(names) < 2 or not _has_losses(names):
                continue
            rows = _rows(names, [split(below) for below in lines[at + 1 :] if below.strip()], form)
            if any(is_loss(name) for row in rows[:2] for name in row):
                return form, rows
    return TABLE, []


def rows_without_names(lines: Sequence[str]) -> list[Row]:
    """The rows of lines that are numbers and nothing else: a loss each, or a step (or epoch) before it.

    Three numbers that begin with the time are those of MLflow: time, value, step.
    """
    table = [re.split(r"[,;\s]+", line.strip()) for line in lines if line.strip()]
    cells = [[number_in(cell) for cell in line] for line in table]
    rows = [[number for number in line if number is not None] for line in cells]
    if len(rows) < FEWEST or any(
        len(row) != len(line) or len(row) != len(rows[0]) for row, line in zip(rows, cells, strict=True)
    ):
        return []
    if len(rows[0]) == 3 and rows[0][0] > LATEST_STEP:
        return [{"step": step, "loss": value} for _, value, step in rows]
    if len(rows[0]) > 1 and all(a[0] < b[0] for a, b in pairwise(rows)):
        return [{"step": row[0], "loss": row[1]} for row in rows]
    return [{"loss": row[0]} for row in rows] if len(rows[0]) == 1 else []


def _names(cells: Sequence[str], file_name: str) -> list[str]:
    names = [re.sub(r"\x1b\[[0-9;]*m|\*", "", cell).strip() for cell in cells]
    if [name.lower() for name in names] == ["wall time", "step", "value"]:
        evaluation = bool(EVALUATION & set(words_in(file_name)))
        return ["Wall time", "Step", "validation loss" if evaluation else "loss"]
    return names


def _has_losses(names: Sequence[str]) -> bool:
    return any(map(is_loss, names)) or (any(name.lower() in _QUANTITY for name in names) and "value" in names)


def _rows(names: Sequence[str], table: Sequence[list[str]], form: str) -> list[Row]:
    """The rows whose cells fit the names; a first column without a name, as pandas prints it, is left out."""
    found = []
    for cells in table:
        extra = len(cells) - len(names)
        if (form == CSV and extra >= 0) or extra in (0, 1):
            shifted = cells[extra:] if form == TABLE else cells
            row = row_of_cells(dict(zip(names, shifted, strict=False)))
            if row:
                found.append(row)
        elif form == CSV and len(cells) > 1:
            # A last line that is torn, or that has no empty cells at its end.
            found.append(row_of_cells(dict(zip(names, cells, strict=False))))
    return found


def row_of_cells(cells: dict[str, object]) -> Row:
    """The numbers among cells by their names; words such as 'val' in a column 'split' say what a loss is of."""
    words = {name.lower(): value for name, value in cells.items() if isinstance(value, str)}
    of = next((f"{words[name]} " for name in _SET if EVALUATION & set(words_in(str(words.get(name, ""))))), "")
    what = next((str(words[name]) for name in _QUANTITY if name in words), "")
    row: dict[str, float] = {}
    for name, value in cells.items():
        role = role_of(name)
        number = value if isinstance(value, int | float) else number_in(str(value), role in ("step", "epoch"))
        if number is None or isinstance(value, bool):
            continue
        if name.lower() == "value" and what:
            row[what] = float(number)
        else:
            row[of + name if of and role == "train" else name] = float(number)
    return row
