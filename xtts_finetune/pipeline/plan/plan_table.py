"""A plan as a table for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from xtts_finetune.pipeline.plan.disk import PlannedDisk, readable
from xtts_finetune.pipeline.plan.stages import Plan, Stage, State
from xtts_finetune.pipeline.tries.words import earlier_words
from xtts_finetune.spec.reading.words import grouped

STYLES = {State.UP_TO_DATE: "green", State.STALE: "yellow", State.TO_RUN: "bold", State.LEFT_OUT: "red"}


def print_plan(plan: Plan, console: Console, tries_command: str = "xtts-finetune tries") -> None:
    """Print every stage with its state and why, earlier tries and how to list them, and the disk that is needed."""
    table = Table()
    table.add_column("stage", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("why", overflow="fold")
    for heading in ("steps", "epochs", "disk"):
        table.add_column(heading, justify="right", no_wrap=True)
    for stage in plan.stages:
        disk = f"about {readable(stage.disk.stays)}" if stage.due and stage.disk.stays else ""
        table.add_row(stage.name, stage.state.value, stage.why, _steps(stage), _epochs(stage), disk)
        table.rows[-1].style = STYLES[stage.state]
    console.print(table)
    for stage in plan.stages:
        if stage.trains not in ("", "all"):
            console.print(
                f"{stage.name} trains {stage.trains}.", highlight=False, soft_wrap=True, markup=False
            )
    for stage in plan.stages:
        if (stage.due or stage.state is State.LEFT_OUT) and stage.note:
            console.print(f"{stage.name}: {stage.note}.", highlight=False, soft_wrap=True, markup=False)
    for line in earlier_words(plan.earlier):
        console.print(f"{line}: {tries_command}", highlight=False, soft_wrap=True, markup=False)
    due = len(plan.due)
    if not due:
        console.print("Everything is up to date; nothing would run.", highlight=False)
        return
    console.print(
        f"{due} of {len(plan.stages)} stages would run; {_disk(plan.disk)}.", highlight=False, soft_wrap=True
    )


def _disk(disk: PlannedDisk) -> str:
    """What is written in all, what stays of it, and what is needed at the peak."""
    free = f"{readable(disk.free)} free"
    if not disk.peak:
        return free
    written = f"{'about' if disk.exact else 'more than'} {readable(disk.written)} written in all"
    return f"{written}, {readable(disk.stays)} of disk stay, {readable(disk.peak)} at the peak, {free}"


def _steps(stage: Stage) -> str:
    if stage.brings_back is not None and stage.resumes_at is None:
        return "0"
    if stage.steps is not None:
        return grouped(stage.steps)
    return "?" if stage.kind == "phase" else ""


def _epochs(stage: Stage) -> str:
    return "" if stage.epochs is None else f"{stage.epochs:g}"
