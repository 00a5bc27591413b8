"""A table where it fits its terminal; else each of its rows as a list, for no cell is ever cut."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from xtts_finetune.look.wrapping import wrapped_text

# A table whose cells break into more lines than this each reads worse than a list.
MOST_LINES = 3


def print_table(console: Console, table: Table) -> None:
    """Print the table, or, where it is too wide, a list: each row's first filled cell, then 'heading: cell; ...'.

    A pipe or a file gets the table as wide as it is: nothing in it is broken.
    """
    for column in table.columns:
        if column.no_wrap:  # else Rich takes the width from the one column that can wrap, letter by letter
            column.min_width = max(cell_len(str(cell)) for cell in (column.header, *column.cells))
    options = console.options
    wide = Measurement.get(console, options.update(width=10_000), table)
    if not console.is_terminal:
        Console(file=console.file, width=max(wide.maximum, 1)).print(table)
        return
    if wide.minimum <= options.max_width:
        lines = console.render_lines(table, options, pad=False)
        if len(lines) <= MOST_LINES * table.row_count + 6:
            console.print(table)
            return
    if table.title:
        console.print(Text(str(table.title), style="bold"))
    for line in _as_list(table):
        console.print(wrapped_text(line, options.max_width), soft_wrap=True)


def _as_list(table: Table) -> Iterator[Text]:
    for number, row in enumerate(table.rows):
        cells = [(str(column.header), str(list(column.cells)[number])) for column in table.columns]
        filled = [(heading, cell) for heading, cell in cells if cell.strip(" -")]
        if not filled:
            continue
        yield Text(filled[0][1], style=row.style or "bold")
        more = "; ".join(f"{heading}: {cell}" if heading else cell for heading, cell in filled[1:])
        if more:
            yield Text(f"  {more}")
