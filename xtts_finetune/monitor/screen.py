"""Runs in a terminal, as large as it is, watched until Ctrl-C; and one look at them for a pipe."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Mapping, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from xtts_finetune.curves.shown import draw
from xtts_finetune.look.wrapping import wrapped
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.state import STATES
from xtts_finetune.monitor.view import Curves, Run
from xtts_finetune.monitor.words import gauge_line, machine_line, metric_lines, plain_lines, reason_lines, work_line

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """A curve in one row of blocks: the newest `width` means of equally many values."""
    known = [value for value in values if math.isfinite(value)]
    if not known or width < 1:
        return ""
    size = max(1, math.ceil(len(known) / width))
    means = [math.fsum(part) / len(part) for part in (known[i : i + size] for i in range(0, len(known), size))]
    low, high = min(means), max(means)
    if high == low:
        return BLOCKS[3] * len(means)
    return "".join(BLOCKS[round((len(BLOCKS) - 1) * (value - low) / (high - low))] for value in means)


LOOK_SECONDS = 0.5


def keep_watching(watches: Sequence[RunWatch], console: Console) -> None:
    """Show the runs as they go along; Ctrl-C ends it, and leaves the last look on the terminal."""
    screen = _look(watches)
    # On a screen of its own, so that what is taller than the terminal is cut off rather than scrolled away.
    with (
        contextlib.suppress(KeyboardInterrupt),
        Live(screen, console=console, screen=True, auto_refresh=False) as live,
    ):
        while True:
            live.update(screen, refresh=True)
            time.sleep(LOOK_SECONDS)
            with contextlib.suppress(OSError):  # of a share that is gone for a moment
                screen = _look(watches)
    console.print(screen)


def say_once(watches: Sequence[RunWatch], console: Console) -> None:
    """One look as plain lines."""
    for one in watches:
        for line in plain_lines(one.look()):
            console.print(line, highlight=False, soft_wrap=True, markup=False)


def _look(watches: Sequence[RunWatch]) -> Screen:
    runs = [one.look() for one in watches]
    return Screen(runs, [{name: one.curves(name) for name in one.watched} for one in watches])


ACCENT, SOFT, WARM = "cyan", "bright_black", "yellow"
STATE_STYLES = {"running": "bold cyan", "finished": "bold cyan", "waiting": "dim", "paused": "dim"}
NARROW = 72  # columns; below that curves are one row high
TALLEST = 12  # rows of the largest curve
OTHER_ROWS = 26  # what else there is on a screen
CHARTS = (
    ("mel CE", "mel_ce", "train_mel_ce"),
    ("text CE", "text_ce", "train_text_ce"),
    ("stop CE", "stop_ce", ""),
)
SMALL = (
    ("learning rate", "learning_rate"),
    ("gradient norm", "grad_norm"),
    ("jumps", "eval_std"),
    ("gap", "gap"),
)


class Screen:
    """All runs, one under the other; `curves` are by the candidate's name for each run."""

    def __init__(self, runs: Sequence[Run], curves: Sequence[Mapping[str, Curves]]) -> None:
        self._runs = runs
        self._curves = curves

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or console.size.height
        rows = min(TALLEST, max(3, (height - OTHER_ROWS * len(self._runs)) // len(self._runs)))
        for run, curves in zip(self._runs, self._curves, strict=True):
            yield from _run(run, curves, options.max_width, rows)


def _run(run: Run, curves: Mapping[str, Curves], width: int, rows: int) -> list[RenderableType]:
    style = STATE_STYLES.get(run.state.kind, f"bold {WARM}")
    head = Table.grid(expand=True)
    head.add_column(ratio=1)
    head.add_column(justify="right", no_wrap=True)
    head.add_row(Text(run.name, style="bold"), Text(f"● {STATES[run.state.kind]}", style=style))
    parts: list[RenderableType] = [head, _words(work_line(run), width)]
    parts += [_words(f"  - {reason}", width) for reason in reason_lines(run)]
    if run.work is not None and run.work.total:
        parts.append(ProgressBar(run.work.total, run.work.done, complete_style=ACCENT, finished_style=ACCENT))
    if run.state.cure:
        parts += [_words(run.state.words, width, WARM), _words(run.state.cure, width)]
    current = run.current
    if current is not None:
        parts.append(Text())
        for name, value, compared in metric_lines(current):
            parts.append(Text.assemble((f"{name:<8}", "dim"), (f"{value:>8}", "bold"), (f"   {compared}", "dim")))
    parts += _curves(run, curves, width, rows)
    for gauge in run.gauges:
        parts.append(_words(gauge_line(gauge), width, WARM if gauge.state == "warning" else ""))
    for warning in run.warnings:
        parts.append(_words(f"! {warning.title}: {warning.found}", width, WARM))
        parts.append(_words(f"  {warning.cure}", width))
    parts += [_words(machine_line(run), width, "dim"), Rule(style="dim")]
    return [Group(*parts)]


def _words(text: str, width: int, style: str = "") -> Text:
    return Text(wrapped(text, width), style=style)


def _curves(run: Run, curves: Mapping[str, Curves], width: int, rows: int) -> list[RenderableType]:
    trained = [one for one in run.phases if one.name in curves and one.step > 0]
    if not trained:
        return []
    starts = list(itertools.accumulate((one.step for one in trained), initial=0))
    joined: dict[str, list[tuple[float, float]]] = {}
    for one, start in zip(trained, starts, strict=False):
        for name, points in curves[one.name].items():
            known = [(start + step, mean) for step, _, mean, _ in points if mean is not None]
            joined.setdefault(name, []).extend(known)
    if width < NARROW or rows < 4:
        return [*(_spark(title, joined.get(key, []), width) for title, key, _ in CHARTS), Text()]
    wide = _chart(CHARTS[0], joined, width - 2, rows, starts[-1])
    half, small = Table.grid(expand=True, padding=(0, 2)), max(3, rows // 2)
    half.add_column(ratio=1)
    half.add_column(ratio=1)
    half.add_row(*(_chart(chart, joined, (width - 4) // 2 - 2, small, starts[-1]) for chart in CHARTS[1:]))
    sparks = Table.grid(expand=True, padding=(0, 2))
    sparks.add_column(ratio=1)
    sparks.add_column(ratio=1)
    lines = [_spark(title, joined.get(key, []), (width - 4) // 2) for title, key in SMALL]
    for left, right in zip(lines[::2], lines[1::2], strict=True):
        sparks.add_row(left, right)
    names = ", ".join(
        f"{one.name} from {start:,}".replace(",", " ") for one, start in zip(trained, starts, strict=False)
    )
    return [
        Text(),
        wide,
        half,
        sparks,
        Text(f"{starts[-1]:,} steps: ".replace(",", " ") + names, style="dim"),
        Text(),
    ]


def _chart(
    chart: tuple[str, str, str],
    joined: Mapping[str, list[tuple[float, float]]],
    width: int,
    rows: int,
    end: int,
) -> RenderableType:
    title, key, train = chart
    evals, training = joined.get(key, []), joined.get(train, [])
    inner = sorted(value for _, value in training)
    values = [value for _, value in evals] + inner[len(inner) // 50 : len(inner) - len(inner) // 50]
    if not values:
        return Text(f"{title}: nothing yet", style="dim")
    low, high = min(values), max(values)
    label = 8
    lines = [Text.assemble((title, "bold"), ("  eval", ACCENT), ("  training" if training else "", SOFT))]
    for number, row in enumerate(draw([training, evals], max(8, width - label), rows, end, low, high)):
        edge = f"{high:.4g}" if number == 0 else f"{low:.4g}" if number == rows - 1 else ""
        line = Text(f"{edge:>{label - 1}} ", style="dim")
        for character, which in row:
            line.append(character, style=(SOFT, ACCENT)[which] if which >= 0 else "")
        lines.append(line)
    return Group(*lines)


def _spark(title: str, points: Sequence[tuple[float, float]], width: int) -> Text:
    last = f"{points[-1][1]:.3g}" if points and math.isfinite(points[-1][1]) else "-"
    values = [value for _, value in points]
    room = min(60, max(4, width - 26))
    return Text.assemble(
        (f"{title:<14}", "dim"), (f"{last:>9} ", "bold"), (sparkline(values, room), ACCENT), no_wrap=True
    )
