"""What the plan says: earlier phases, data, and the room on the disk."""

from __future__ import annotations

from xtts_finetune.pipeline.plan.checks.check import Check, error, ok
from xtts_finetune.pipeline.plan.disk import readable
from xtts_finetune.pipeline.plan.stages import Plan, State
from xtts_finetune.records.tries import tries_bytes
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.sources import source_of


def check_disk(plan: Plan) -> Check:
    """Whether the disk has room for what the plan writes."""
    disk = plan.disk
    needed = f"about {readable(disk.peak)} needed at the peak, {readable(disk.free)} free"
    if disk.fits:
        return ok("disk", needed)
    cure = "make room, or run fewer phases at a time"
    if plan.earlier:
        size = readable(tries_bytes(plan.earlier))
        cure += f"; earlier tries take {size}: xtts-finetune tries lists and removes them"
    return error("disk", needed, cure)


def check_data(plan: Plan) -> Check:
    """Whether the clips are prepared; that their files are there was checked with the declaration."""
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
