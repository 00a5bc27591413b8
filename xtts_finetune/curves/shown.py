"""The diagnosis on a terminal: the curve in characters, which survive a pipe and a log, the verdict, what to do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from xtts_finetune.curves.curves import Curves, Series
from xtts_finetune.curves.diagnosis import Diagnosis
from xtts_finetune.curves.movement import in_blocks
from xtts_finetune.curves.wording import change, place, share, value

ROWS = 9
WIDEST, NARROWEST = 100, 20
LABEL = 8  # characters left of the axis
HIGHEST = 3.0  # times the median: what explodes would else flatten all the rest
POINT, BEYOND = "●", "▲"
# Each character of Braille holds two by four dots: their bits, by column and row (Unicode's block from U+2800 on).
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
EMPTY = 0x2800

Line = Sequence[tuple[float, float]]


def draw(
    lines: Sequence[Line], width: int, height: int, end: float, low: float, high: float
) -> list[list[tuple[str, int]]]:
    """Rows of (character, number of the line that it belongs to, -1 for none); later lines lie on top.

    Points are (step, value); steps go from 0 to `end`, values from `low` to `high`. What is higher or lower is
    drawn at the edge.
    """
    bits = [[0] * width for _ in range(height)]
    owner = [[-1] * width for _ in range(height)]
    for number, line in enumerate(lines):
        for column, row in _dots(line, width * 2, height * 4, end, low, high):
            cell, x = (row // 4, column // 2), column % 2
            if owner[cell[0]][cell[1]] != number:
                owner[cell[0]][cell[1]], bits[cell[0]][cell[1]] = number, 0
            bits[cell[0]][cell[1]] |= DOTS[x][row % 4]
    return [
        [(chr(EMPTY + bit), which) for bit, which in zip(row, owners, strict=True)]
        for row, owners in zip(bits, owner, strict=True)
    ]


def _dots(line: Line, width: int, height: int, end: float, low: float, high: float) -> set[tuple[int, int]]:
    def dot(step: float, value: float) -> tuple[int, int]:
        x = round((width - 1) * step / end) if end > 0 else 0
        down = (high - value) / (high - low) if high > low else 0.5
        return min(width - 1, max(0, x)), round((height - 1) * min(1.0, max(0.0, down)))

    places = [dot(step, value) for step, value in line if math.isfinite(value)]
    found = set(places[:1])
    for (x0, y0), (x1, y1) in zip(places, places[1:], strict=False):  # noqa: RUF007  (also where there is one)
        far = max(abs(x1 - x0), abs(y1 - y0), 1)
        found |= {(round(x0 + (x1 - x0) * i / far), round(y0 + (y1 - y0) * i / far)) for i in range(far + 1)}
    return found


def sketch(curves: Curves, width: int) -> str:
    """Training as a fine line and evaluations as points over their positions, at most `width` characters wide.

    Empty when there is nothing to draw. Values above three times the median are drawn at the edge.
    """
    train, evaluation = in_blocks(curves.train), in_blocks(curves.evaluation)
    if not train and curves.train.averaged is False:
        train = curves.train.finite
    drawn = [found for found in (train, evaluation) if found]
    columns = min(max(width - LABEL - 3, NARROWEST), WIDEST)
    if not drawn:
        return ""
    values = [number for found in drawn for number in found.values]
    low, high = min(values), max(values)
    high = min(high, HIGHEST * median(values)) if median(values) > 0 else high
    if high - low < 1e-6 * max(abs(high), 1e-12):
        low, high = low - 0.5 * abs(low) - 1e-9, high + 0.5 * abs(high) + 1e-9
    first = min(found.positions[0] for found in drawn)
    last = max(found.positions[-1] for found in drawn)
    line = [(position - first, number) for position, number in zip(train.positions, train.values, strict=True)]
    cells = [
        [" " if which < 0 else character for character, which in row]
        for row in draw([line], columns, ROWS, last - first, low, high)
    ]
    for position, number in zip(evaluation.positions, evaluation.values, strict=True):
        column = _scaled(position, first, last, columns)
        row = ROWS - 1 - _scaled(number, low, high, ROWS)
        cells[row][column] = BEYOND if number > high else POINT
    return "\n".join([*_with_labels(cells, low, high), *_foot(curves, train, evaluation, columns, first, last)])


def _scaled(number: float, low: float, high: float, count: int) -> int:
    """Which of `count` equal parts between low and high a number is in."""
    if not high > low:
        return 0
    return min(max(math.floor((number - low) / (high - low) * count), 0), count - 1)


def _with_labels(cells: Sequence[Sequence[str]], low: float, high: float) -> list[str]:
    labels = {0: value(high), ROWS // 2: value((low + high) / 2), ROWS - 1: value(low)}
    return [f"{labels.get(row, ''):>{LABEL}} │{''.join(line).rstrip()}" for row, line in enumerate(cells)]


def _foot(curves: Curves, train: Series, evaluation: Series, columns: int, first: float, last: float) -> list[str]:
    ends = (place(first), f"{curves.unit} {place(last)}")
    keys = [f"{POINT} {evaluation.name or 'evaluation'}"] if evaluation else []
    keys += [f"⠤⠒ {train.name or 'training'}"] if train else []
    gap = " " * max(columns - len(ends[0]) - len(ends[1]), 1)
    return [
        f"{'':{LABEL}} └{'─' * columns}",
        f"{'':{LABEL}}  {ends[0]}{gap}{ends[1]}",
        f"{'':{LABEL}}  {'   '.join(keys)}",
    ]


COLOURS = {
    "falling": "green",
    "plateau": "yellow",
    "oscillating": "yellow",
    "exploding": "red",
    "overfitting": "red",
    "too short": "cyan",
}


def show(curves: Curves, found: Diagnosis, out: Console) -> None:
    """Print a diagnosis for people."""
    _print(out, f"{curves.source} ({curves.format})", "dim")
    for note in curves.notes:
        _print(out, note, "dim")
    drawn = sketch(curves, out.width)
    if drawn:
        out.print(Text(f"\n{drawn}\n"), soft_wrap=True)
    _print(out, found.verdict.upper(), f"bold {COLOURS[found.verdict]}")
    _print(out, sentence(found.words))
    for cause in found.causes:
        _print(out, f"- {cause}", "dim")
    out.print()
    _print(out, found.recommendation)
    for place_in_list, command in enumerate((found.command, *found.also)):
        # Never wrapped: it is to be copied.
        out.print(Text(f"  {'or ' if place_in_list else ''}{command}", style="bold"), soft_wrap=True)
    if "PHASE" in found.command.split():
        _print(
            out,
            "  PHASE: the phase in your config that continues from this run's CHECKPOINT.",
            "dim",
        )
    out.print()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, number, meaning in rows_of(found):
        table.add_row(name, number, meaning)
    out.print(Padding(table, (0, 0, 0, 2)))


def sentence(words: str) -> str:
    """With a full stop. Names of metrics keep their small letters."""
    return f"{words}."


def rows_of(found: Diagnosis) -> Iterator[tuple[str, str, str]]:
    """The rows of the table: a name, the number, what it is."""
    numbers, unit = found.numbers, found.unit
    yield "values", f"{numbers['values']:.0f}", f"of {found.judged}, means of neighbours where there are many"
    if "last" in numbers:
        yield "now", value(numbers["last"]), f"began with {value(numbers['first'])}"
        yield "best", value(numbers["best"]), f"at {unit} {place(numbers['best_at'])}"
    if "fall" in numbers:
        ahead = f"{place(numbers['horizon'])} {unit}s"
        seen = f"{numbers['window_values']:.0f} values from {unit} {place(numbers['window_start'])} on"
        yield "rate", change(numbers["fall"]), f"in the next {ahead} at the rate of the last {seen}"
        limits = f"{change(numbers['fall_low'])} to {change(numbers['fall_high'])}"
        yield "", limits, f"its 90 % interval; a plateau has it above -{share(numbers['relevant'])}"
        memory = f"; each remembers {numbers['memory']:.1f} of the one before" if numbers["memory"] else ""
        yield "noise", value(numbers["noise"]), f"standard deviation around the line{memory}"
    if "gap" in numbers:
        yield "gap", value(numbers["gap"]), f"above training, which is at {value(numbers['train_last'])}"
    if "learning_rate" in numbers:
        yield (
            "LR",
            f"{numbers['learning_rate']:.3g}",
            f"learning rate now; its highest {numbers['learning_rate_peak']:.3g}",
        )
    if "grad_norm" in numbers:
        times = f"; {numbers['grad_norm_times']:.1f} times the usual" if "grad_norm_times" in numbers else ""
        yield "gradient", value(numbers["grad_norm"]), f"norm of the last steps (median){times}"


def _print(out: Console, text: str, style: str = "") -> None:
    out.print(Text(text, style=style))
