"""What the plan says: the run's folder, who is at work there, earlier phases, data, and the room on the disk."""

from __future__ import annotations

import os
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.lock import refuse_second_command
from xtts_finetune.pipeline.plan.checks.check import Check, error, ok, warning
from xtts_finetune.pipeline.plan.stages import Plan, State
from xtts_finetune.quantities import readable_size
from xtts_finetune.records.tries import tries_bytes
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.sources import source_of

NAME = "run folder"


def check_folder(root: Path) -> Check:
    """Check that the folder, or the one that it will be made in, may be written to."""
    there = root
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        return error(NAME, f"{there} is a file, not a folder", "move it away, or name the pipeline otherwise")
    if not os.access(there, os.W_OK):
        return error(NAME, f"{there} may not be written to", "give yourself the right, or move the project")
    return ok(NAME, str(root))


def check_nobody_at_work(root: Path) -> Check:
    """Check that no other command is at work in the folder."""
    try:
        refuse_second_command(root)
    except UserError as fault:
        return warning("commands", str(fault), "one at a time works in a run's folder")
    return ok("commands", "no other is at work here")


def check_disk(plan: Plan) -> Check:
    """Check that the disk has room for what the plan writes."""
    disk = plan.disk
    needed = f"about {readable_size(disk.peak)} needed at the peak, {readable_size(disk.free)} free"
    if disk.fits:
        return ok("disk", needed)
    cure = "make room, or run fewer phases at a time"
    if plan.earlier:
        size = readable_size(tries_bytes(plan.earlier))
        cure += f"; earlier tries take {size}: xtts-finetune tries lists and removes them"
    return error("disk", needed, cure)


def check_data(plan: Plan) -> Check:
    """Check that the clips are prepared; that their files are there was checked with the declaration."""
    stage = plan.stage("data")
    if stage.state is State.UP_TO_DATE:
        return ok("data", stage.why)
    return ok("data", "the clips will be prepared first" + (f" ({stage.why})" if stage.why else ""))


def check_sources(declaration: Declaration, plan: Plan) -> list[Check]:
    """For each phase of the plan, what it starts from. An impossible start has no plan at all."""
    checks = []
    for stage in plan.stages:
        if stage.kind == "phase":
            source = str(source_of(declaration, stage.name))
            state = f"{stage.state.value}, {stage.why}" if stage.why else stage.state.value
            checks.append(ok(stage.name, f"{state}; starts from {source}"))
    return checks
