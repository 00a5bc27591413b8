"""Progress on the terminal, read from what a child writes down."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from xtts_finetune.look.quantities import grouped
from xtts_finetune.records.job import EventTail
from xtts_finetune.records.json_lines import JsonLinesTail
from xtts_finetune.records.metrics import EvalRecord, QualityRecord


@contextmanager
def progress_bar(console: Console) -> Iterator[Progress]:
    """A bar for one piece of work; on a pipe nothing moves and only whole lines are printed."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


class JobWatch:
    """Follows a job's progress events."""

    def __init__(self, progress: Progress, name: str, events: Path) -> None:
        self._progress = progress
        self._name = name
        self._tail = EventTail(events)
        self._task: TaskID = progress.add_task(name, total=None, note="starting")

    def __call__(self) -> None:
        news = self._tail.new()
        _say_aloud(self._progress, self._name, news.notes)
        latest = news.progress
        if latest is not None:
            total = latest.total or None
            self._progress.update(self._task, completed=latest.done, total=total, note=latest.what)


class PhaseWatch:
    """Follows a phase's metrics and events: a bar over its steps, a line for every evaluation and every note.

    `resumes_at` is the step that the phase goes on from. Evaluations up to it were shown by the command that
    made them; what was recorded after it is done again.
    """

    def __init__(
        self,
        progress: Progress,
        name: str,
        metrics: Path,
        steps: int | None,
        events: Path,
        resumes_at: int | None = None,
    ) -> None:
        self._progress = progress
        self._name = name
        self._steps = steps
        self._shown = -1 if resumes_at is None else resumes_at
        self._events = EventTail(events)
        self._tail = JsonLinesTail(metrics)
        self._best = math.inf
        self._best_step = 0
        for record in self._tail.new():
            if int(record.get("step", 0)) <= self._shown:
                self._remember(record)
        self._task: TaskID = progress.add_task(name, total=steps, completed=resumes_at or 0, note="starting")

    def __call__(self) -> None:
        _say_aloud(self._progress, self._name, self._events.new().notes)
        step = None
        for record in self._tail.new():
            step = int(record["step"])
            if step <= self._shown:
                continue
            if record.get("kind") == "eval":
                self._remember(record)
                self._show(EvalRecord.from_json(record))
            elif record.get("kind") == "quality":
                self._show_quality(QualityRecord.from_json(record))
            else:
                mel_ce = record.get("mel_ce")
                note = "" if mel_ce is None else f"training mel_ce {mel_ce:.3f}"
                self._progress.update(self._task, note=note)
        if step is not None:
            self._progress.update(self._task, completed=step)

    def _remember(self, record: dict[str, Any]) -> None:
        mel_ce = record.get("mel_ce")
        if record.get("kind") == "eval" and mel_ce is not None and mel_ce < self._best:
            self._best, self._best_step = float(mel_ce), int(record["step"])

    def _show(self, evaluation: EvalRecord) -> None:
        of = "" if self._steps is None else f" of {grouped(self._steps)}"
        line = f"{self._name} step {grouped(evaluation.step)}{of}: {metrics_text(evaluation)}"
        if evaluation.step != self._best_step and math.isfinite(self._best):
            line += f"   best {self._best:.3f} (step {grouped(self._best_step)})"
        self._progress.console.print(line, highlight=False, soft_wrap=True)

    def _show_quality(self, quality: QualityRecord) -> None:
        faults = ", ".join(f"{fault} ({count})" for fault, count in quality.faults.items())
        line = f"{self._name} step {grouped(quality.step)}: {quality.passed} of {quality.spoken} utterances are sound"
        self._progress.console.print(line + (f": {faults}" if faults else ""), highlight=False, soft_wrap=True)


def _say_aloud(progress: Progress, name: str, notes: list[str]) -> None:
    for note in notes:
        progress.console.print(f"{name}: {note}", style="yellow", highlight=False, soft_wrap=True, markup=False)


def metrics_text(evaluation: EvalRecord) -> str:
    """The two numbers that people follow."""
    return f"mel_ce {evaluation.mel_ce:.3f}   text_ce {evaluation.text_ce:.4f}"
