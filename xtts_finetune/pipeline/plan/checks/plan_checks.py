"""What the plan says: the run's folder, who is at work there, data, room on the disk, and values that are unusual."""

from __future__ import annotations

import os
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.look.quantities import readable_size
from xtts_finetune.numbers.usual import Unusual, gpt_weights, short, unusual_values
from xtts_finetune.pipeline.children.lock import refuse_second_command
from xtts_finetune.pipeline.plan.checks.check import Check, error, ok, warning
from xtts_finetune.pipeline.plan.stages import Plan, State
from xtts_finetune.records.candidates.tries import tries_bytes
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.sources import source_of
from xtts_finetune.spec.train import is_lora
from xtts_finetune.xtts.base import find_base, read_config


def value_checks(declaration: Declaration, plan: Plan) -> list[Check]:
    """Warnings for the phases that are due; nothing where all is usual."""
    names = [stage.name for stage in plan.due if stage.kind == "phase"]
    if not names:
        return []
    weights = gpt_weights(read_config(find_base(declaration.pipeline.base))["model_args"])
    return [check for name in names for check in phase_warnings(name, declaration.phases[name], weights)]


def phase_warnings(name: str, phase: PhaseSpec, weights: float) -> list[Check]:
    """What is unusual about a phase that trains a GPT of so many weights."""
    unusual = unusual_values(
        weights,
        is_lora(phase.train),
        phase.learning_rate,
        phase.gradient_clip,
        phase.mel_loss_weight,
        phase.text_loss_weight,
    )
    return [_warning(name, one) for one in unusual]


def _warning(name: str, one: Unusual) -> Check:
    label = f"{name}.{one.key}"
    value = "null" if one.value is None else f"{one.value:g}"
    where = f" for {one.usual.of}" if one.usual.of else ""
    usual = one.usual.high if one.value is None else one.usual.nearest(one.value)
    return warning(
        label,
        f"{value} is {one.side} what is usual{where}, {one.usual}: {one.why}",
        f"try --set {label}={short(usual)}",
    )


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
        cure += f"; earlier tries take {size}; list and remove them: {command('tries')}"
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
