"""Steps without a number for a loss, or that the optimizer had to leave out."""

from __future__ import annotations

import math

from xtts_finetune.monitor.stability import Limits
from xtts_finetune.monitor.view import Warned
from xtts_finetune.monitor.warnings.rates import lower_rate
from xtts_finetune.monitor.warnings.seen import Seen

# fp16 skips a step now and then while it looks for its scale; more than these are a fault.
MOST_SKIPPED = 0.05


def not_finite(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when a recent loss is not finite, or when more than one of twenty steps was left out."""
    ruined = [record for record in seen.steps if not math.isfinite(record.mel_ce)]
    skipped = [record for record in seen.steps if not record.stepped]
    if ruined:
        found = f"the training mel_ce of step {ruined[-1].step} is not a finite number"
    elif len(seen.steps) >= 20 and len(skipped) > MOST_SKIPPED * len(seen.steps):
        found = (
            f"{len(skipped)} of the last {len(seen.steps)} steps were left out: their gradients overflowed"
        )
    else:
        return None
    return Warned(
        "not_finite",
        "Numbers overflow",
        found,
        f"Lower learning_rate{lower_rate(seen.learning_rate)}, with warm-up steps; with precision: fp16, use bf16 or "
        "fp32.",
    )
