"""Values that are allowed and yet unusual: often they were written for another model."""

from __future__ import annotations

from dataclasses import dataclass

from xtts_finetune.pipeline.plan.checks.check import Check, warning
from xtts_finetune.pipeline.plan.disk import weights_bytes
from xtts_finetune.pipeline.plan.stages import Plan
from xtts_finetune.pipeline.plan.trained_sizes import HIFIGAN_BYTES
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.train import is_lora
from xtts_finetune.xtts.base import find_base

# Outside of it text is forgotten, or sound hardly learned; 35 has been seen in a configuration, and ruined it.
USUAL_MEL_WEIGHTS = (1.0, 5.0)
# Of the GPT of XTTS v2, and how many weights it has.
USUAL_RATES, FULL_SIZE = (5e-7, 2e-5), 441e6
# Smaller models take larger rates. This power of the size leads from XTTS v2's to the demo's 2.9 M weights, which learn
# well at 1e-4 to 3e-4; between larger models published tables (GPT-3's, say) have smaller powers.
SIZE_POWER = 2 / 3
SMALLEST = 1e5  # of fewer weights nothing is known
# Adapters start from nothing and take larger steps.
OF_ADAPTERS = 10


@dataclass(frozen=True)
class Usual:
    """The learning rates that suit a model."""

    low: float
    high: float
    of: str

    def __str__(self) -> str:
        return f"{self.low:.0e} to {self.high:.0e}".replace("e-0", "e-")


def usual_rates(weights: float, phase: PhaseSpec) -> Usual:
    """What is usual for a GPT of so many weights: XTTS v2's range, scaled by (441 M / weights)^(2/3)."""
    scale = max(1.0, FULL_SIZE / max(weights, 1.0)) ** SIZE_POWER * (
        OF_ADAPTERS if is_lora(phase.train) else 1
    )
    of = f"{'adapters on ' if is_lora(phase.train) else ''}a GPT of {weights / 1e6:.3g} M weights"
    return Usual(USUAL_RATES[0] * scale, USUAL_RATES[1] * scale, of)


def value_checks(declaration: Declaration, plan: Plan) -> list[Check]:
    """Warnings for the phases that are due; nothing where all is usual."""
    names = [stage.name for stage in plan.due if stage.kind == "phase"]
    if not names:
        return []
    weights = (weights_bytes(find_base(declaration.pipeline.base).model) - HIFIGAN_BYTES) / 4
    if weights < SMALLEST:
        return []
    return [check for name in names for check in phase_warnings(name, declaration.phases[name], weights)]


def phase_warnings(name: str, phase: PhaseSpec, weights: float) -> list[Check]:
    """What is unusual about a phase that trains a GPT of so many weights."""
    found = []
    usual = usual_rates(weights, phase)
    if not usual.low <= phase.learning_rate <= usual.high:
        side = "above" if phase.learning_rate > usual.high else "below"
        outcome = (
            "it may forget how to speak within a few epochs" if side == "above" else "it may learn nothing"
        )
        what = f"{phase.learning_rate:g} is far {side} what is usual for {usual.of}, {usual}: {outcome}"
        found.append(
            warning(f"{name}.learning_rate", what, f"try --set {name}.learning_rate={_nearest(usual, side)}")
        )
    low, high = USUAL_MEL_WEIGHTS
    if not low <= phase.mel_loss_weight <= high:
        what = f"{phase.mel_loss_weight:g} is outside of what is usual, {low:g} to {high:g}"
        cure = f"try --set {name}.mel_loss_weight={low if phase.mel_loss_weight < low else high:g}"
        found.append(warning(f"{name}.mel_loss_weight", what, cure))
    return found


def _nearest(usual: Usual, side: str) -> str:
    return f"{usual.high if side == 'above' else usual.low:.0e}".replace("e-0", "e-")
