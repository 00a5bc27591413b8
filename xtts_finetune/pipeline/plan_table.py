"""A plan as a table for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from xtts_finetune.pipeline.disk import readable
from xtts_finetune.pipeline.progress import grouped
from xtts_finetune.pipeline.stages import Plan, Stage, State

STYLES = {State.UP_TO_DATE: "green", State.STALE: "yellow", State.TO_RUN: "bold"}


def print_plan(plan: Plan, console: Console) -> None:
    """Print every stage with its state and why, and the disk that is needed."""
    table = Table()
    table.add_column("stage", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("why", overflow="fold")
    for heading in ("steps", "epochs", "disk"):
        table.add_column(heading, justify="right", no_wrap=True)
    for stage in plan.stages:
        disk = f"about {readable(stage.disk)}" if stage.due and stage.disk else ""
        table.add_row(stage.name, stage.state.value, stage.why, _steps(stage), _epochs(stage), disk)
        table.rows[-1].style = STYLES[stage.state]
    console.print(table)
    due = len(plan.due)
    if not due:
        console.print("Everything is up to date; nothing would run.", highlight=False)
        return
    needed, free = readable(plan.disk_needed), readable(plan.disk_free)
    disk = f"about {needed} of disk needed at the peak, {free} free" if plan.disk_needed else f"{free} free"
    console.print(f"{due} of {len(plan.stages)} stages would run; {disk}.", highlight=False, soft_wrap=True)


def _steps(stage: Stage) -> str:
    if stage.steps is not None:
        return grouped(stage.steps)
    return "?" if stage.kind == "phase" else ""


def _epochs(stage: Stage) -> str:
    return "" if stage.epochs is None else f"{stage.epochs:g}"
