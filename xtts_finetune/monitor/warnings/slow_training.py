"""Training hardly gets anywhere."""

from __future__ import annotations

from xtts_finetune.monitor.stability import EPOCHS, Limits, improvement
from xtts_finetune.monitor.view import Warned
from xtts_finetune.monitor.warnings.rates import higher_rate, lower_rate
from xtts_finetune.monitor.warnings.seen import Seen


def slow_training(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when the mean training mel_ce of an epoch is hardly below that of five epochs before."""
    found = improvement(seen.epochs)
    if found is None or found >= limits.improvement:
        return None
    moved = f"fell by {found:.3f}" if found >= 0 else f"rose by {-found:.3f}"
    slow = (
        f"Raise learning_rate{higher_rate(seen.learning_rate)} or lower weight_decay. If the eval loss is where it "
        "is to be, the phase has done its work: listen to its best model, or go on to the next phase."
    )
    rising = (
        f"A training loss that rises comes from too large steps: lower learning_rate{lower_rate(seen.learning_rate)}, "
        "with warm-up steps."
    )
    return Warned(
        "slow_training",
        "Training hardly improves" if found >= 0 else "The training loss rises",
        f"over the last {EPOCHS} epochs the training mel_ce {moved}, where {limits.improvement:g} is the least",
        slow if found > -limits.improvement else rising,
    )
