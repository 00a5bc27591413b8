"""Progress on the terminal, read from what a child writes down."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TaskID, TextColumn
from rich.text import Text

from xtts_finetune.look.quantities import about, grouped
from xtts_finetune.records.heard.sample_faults import counted_faults
from xtts_finetune.records.job import EventTail
from xtts_finetune.records.json_lines import JsonLinesTail
from xtts_finetune.records.metrics import EvalRecord, QualityRecord
from xtts_finetune.records.pace import Length, Newest, pace_of

NARROWEST_BAR = 6


@contextmanager
def progress_bar(console: Console) -> Iterator[Progress]:
    """A bar for one piece of work; on a pipe nothing moves and only whole lines are printed."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=max(NARROWEST_BAR, min(30, console.width - 66))),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        _Note(console),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


class _Note(TextColumn):
    """What is being done; left out where the terminal has no room for it, so that nothing is cut off."""

    def __init__(self, console: Console) -> None:
        super().__init__("{task.fields[note]}", style="dim")
        self._console = console

    def render(self, task: Task) -> Text:
        """The note, or nothing."""
        note = super().render(task)
        bar = max(NARROWEST_BAR, min(30, self._console.width - 66))
        count = 2 * len(str(task.total or "?")) + 1
        taken = len(task.description) + bar + count + len(task.fields["left"]) + len(note) + len("    ")
        return note if taken <= self._console.width else Text()


def left_words(seconds: float | None) -> str:
    """'about 12 min left', or nothing where that cannot be told."""
    return "" if seconds is None else f"about {about(seconds)} left"


class JobWatch:
    """Follows a job's progress events."""

    def __init__(self, progress: Progress, name: str, events: Path) -> None:
        self._progress = progress
        self._name = name
        self._tail = EventTail(events)
        self._part = ""  # of the job
        self._first: tuple[int, float] | None = None  # how much was done when it was first heard of, and when
        self._task: TaskID = progress.add_task(name, total=None, note="starting", left="")

    def __call__(self) -> None:
        news = self._tail.new()
        _say_aloud(self._progress, self._name, news.notes)
        latest = news.progress
        if latest is not None:
            total = latest.total or None
            left = left_words(self._seconds_left(latest.done, total, latest.what))
            self._progress.update(self._task, completed=latest.done, total=total, note=latest.what, left=left)

    def _seconds_left(self, done: int, total: int | None, what: str) -> float | None:
        """By how fast this part of the job went so far."""
        now = time.monotonic()
        if self._part != what or self._first is None or done < self._first[0]:
            self._part, self._first = what, (done, now)
        before, since = self._first
        return None if total is None or done <= before else (now - since) / (done - before) * (total - done)


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
        length: Length,
        events: Path,
        resumes_at: int | None = None,
    ) -> None:
        self._progress = progress
        self._name = name
        self._length = length
        self._recorded = Newest()
        self._shown = -1 if resumes_at is None else resumes_at
        self._events = EventTail(events)
        self._tail = JsonLinesTail(metrics)
        self._best = math.inf
        self._best_step = 0
        for record in self._tail.new():
            if int(record.get("step", 0)) <= self._shown:
                self._remember(record)
        self._task: TaskID = progress.add_task(
            name, total=length.steps, completed=resumes_at or 0, note="starting", left=""
        )

    def __call__(self) -> None:
        _say_aloud(self._progress, self._name, self._events.new().notes)
        step = None
        for record in self._tail.new():
            step = int(record["step"])
            if step <= self._shown:
                continue
            self._recorded.add(record)
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
            pace = pace_of(self._recorded)
            left = left_words(None if pace is None else pace.seconds_left(self._length, step))
            self._progress.update(self._task, completed=step, left=left)

    def _remember(self, record: dict[str, Any]) -> None:
        mel_ce = record.get("mel_ce")
        if record.get("kind") == "eval" and mel_ce is not None and mel_ce < self._best:
            self._best, self._best_step = float(mel_ce), int(record["step"])

    def _show(self, evaluation: EvalRecord) -> None:
        of = "" if self._length.steps is None else f" of {grouped(self._length.steps)}"
        line = f"{self._name} step {grouped(evaluation.step)}{of}: {metrics_text(evaluation)}"
        if evaluation.step != self._best_step and math.isfinite(self._best):
            line += f"   best {self._best:.3f} (step {grouped(self._best_step)})"
        self._progress.console.print(line, highlight=False, soft_wrap=True)

    def _show_quality(self, quality: QualityRecord) -> None:
        faults = counted_faults(quality.faults)
        line = f"{self._name} step {grouped(quality.step)}: {quality.passed} of {quality.spoken} samples are clean"
        self._progress.console.print(line + (f": {faults}" if faults else ""), highlight=False, soft_wrap=True)


def _say_aloud(progress: Progress, name: str, notes: list[str]) -> None:
    for note in notes:
        progress.console.print(f"{name}: {note}", style="yellow", highlight=False, soft_wrap=True, markup=False)


def metrics_text(evaluation: EvalRecord) -> str:
    """The two numbers that people follow."""
    return f"mel_ce {evaluation.mel_ce:.3f}   text_ce {evaluation.text_ce:.4f}"
