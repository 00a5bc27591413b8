"""A plan as a table for people, and the values that its phases are trained with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from xtts_finetune.look.quantities import about, grouped, readable_size
from xtts_finetune.look.tables import print_table
from xtts_finetune.pipeline.plan.disk import PlannedDisk
from xtts_finetune.pipeline.plan.stages import Plan, Stage, State
from xtts_finetune.pipeline.plan.times import PlannedTimes
from xtts_finetune.records.candidates.tries import earlier_words
from xtts_finetune.spec.declaration import Declaration


def value_lines(declaration: Declaration, name: str) -> list[str]:
    """The phase's level and each value that it is about, with who gave it; nothing without a level.

    phase2 with preset plateau_breaker:
      learning_rate 1.5e-5 (preset plateau_breaker)
      batch_size 24 (command line)
    """
    resolved = declaration.resolved.get(name, ())
    if not resolved:
        return []
    values = [f"  {one.key} {shown_value(one.value)} ({one.origin})" for one in resolved]
    level = declaration.phases[name].optimization_level
    return [f"{name} with preset {level}:" if level else f"{name}:", *values]


def print_values(declaration: Declaration, plan: Plan, console: Console) -> None:
    """Print the values of all phases that would run; what is unusual about them, the checks say."""
    for stage in plan.due:
        if stage.kind == "phase":
            for line in value_lines(declaration, stage.name):
                console.print(line, highlight=False, soft_wrap=True, markup=False)


def shown_value(value: Any) -> str:
    """A value as a declaration has it: 1.5e-5, cosine_restarts, null, on; mappings as 'evals 10, metric mel_ce'."""
    if value is None:
        return "off"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return shown_number(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown_value(inner)}" for key, inner in value.items()) or "on"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown_value(inner) for inner in value) + "]"
    return str(value)


def shown_number(value: float) -> str:
    """0.00015 as 1.5e-4, 100.0 as 100."""
    if not 0 < abs(value) < 1e-3:
        return f"{value:g}"
    digits, _, power = f"{value:.5e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"


SHOWN = {**{state: state.value for state in State}, State.STALE: "out of date"}
STYLES = {State.UP_TO_DATE: "green", State.STALE: "yellow", State.TO_RUN: "bold", State.LEFT_OUT: "red"}


def print_plan(
    plan: Plan, console: Console, tries_command: str = "xtts-finetune tries", times: PlannedTimes | None = None
) -> None:
    """Print every stage with its state and why, earlier tries and how to list them, the time and disk that it takes."""
    table = Table()
    table.add_column("stage", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("why", overflow="fold")
    seconds = {} if times is None else times.seconds
    columns = {
        # What would be trained: a rule may have stopped a finished phase earlier.
        "steps": [_steps(stage) if stage.due else "" for stage in plan.stages],
        "epochs": [_epochs(stage) if stage.due else "" for stage in plan.stages],
        "time": [_time(stage, seconds) for stage in plan.stages],
        "disk": [_disk_of(stage) for stage in plan.stages],
    }
    filled = {heading: cells for heading, cells in columns.items() if any(cells)}
    for heading in filled:
        table.add_column(heading, justify="right", no_wrap=True)
    for number, stage in enumerate(plan.stages):
        cells = [each[number] for each in filled.values()]
        table.add_row(stage.title, SHOWN[stage.state], stage.why, *cells, style=STYLES[stage.state])
    print_table(console, table)
    for stage in plan.stages:
        if stage.trains not in ("", "all"):
            console.print(f"{stage.name} trains {stage.trains}.", highlight=False, soft_wrap=True, markup=False)
    for stage in plan.stages:
        if (stage.due or stage.state is State.LEFT_OUT) and stage.note:
            console.print(f"{stage.name}: {stage.note}.", highlight=False, soft_wrap=True, markup=False)
    for line in earlier_words(plan.earlier):
        console.print(f"{line}: {tries_command}", highlight=False, soft_wrap=True, markup=False)
    for line in () if times is None else times.lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    due = len(plan.due)
    if not due:
        console.print("Everything is up to date; nothing would run.", highlight=False)
        return
    console.print(f"{due} of {len(plan.stages)} stages would run; {_disk(plan.disk)}.", highlight=False, soft_wrap=True)


def _disk(disk: PlannedDisk) -> str:
    """What is written in all, what stays of it, and what is needed at the peak."""
    free = f"{readable_size(disk.free)} free"
    if not disk.peak:
        return free
    written = f"{'about' if disk.exact else 'more than'} {readable_size(disk.written)} written in all"
    return f"{written}, {readable_size(disk.stays)} of disk stay, {readable_size(disk.peak)} at the peak, {free}"


def _disk_of(stage: Stage) -> str:
    return f"about {readable_size(stage.disk.stays)}" if stage.due and stage.disk.stays else ""


def _steps(stage: Stage) -> str:
    if stage.brings_back is not None and stage.resumes_at is None:
        return "0"
    if stage.steps is not None:
        return grouped(stage.steps)
    return "?" if stage.kind == "phase" else ""


def _time(stage: Stage, seconds: Mapping[str, float]) -> str:
    return about(seconds[stage.name]) if stage.name in seconds else ""


def _epochs(stage: Stage) -> str:
    return "" if stage.epochs is None else f"{stage.epochs:g}"
