"""Values that are allowed and yet unusual: often they were written for another model."""

from __future__ import annotations

from xtts_finetune.pipeline.plan.checks.check import Check, warning
from xtts_finetune.pipeline.plan.stages import Plan
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.train import is_lora
from xtts_finetune.usual import Unusual, gpt_weights, short, unusual_values
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
