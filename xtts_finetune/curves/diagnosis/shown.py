"""The diagnosis on a terminal: the curve, the verdict, what to do, the numbers."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from xtts_finetune.curves.curves import Curves
from xtts_finetune.curves.diagnosis.diagnosis import Diagnosis
from xtts_finetune.curves.diagnosis.sketch import sketch
from xtts_finetune.curves.diagnosis.wording import change, place, share, value

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
            out, "  PHASE: the phase of your own declaration that goes on from this run's CHECKPOINT.", "dim"
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
