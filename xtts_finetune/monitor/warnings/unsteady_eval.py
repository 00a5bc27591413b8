"""The eval loss jumps up and down."""

from __future__ import annotations

from xtts_finetune.monitor.stability import WINDOW, Limits, eval_std, turns
from xtts_finetune.monitor.view import Warned
from xtts_finetune.monitor.warnings.rates import lower_rate
from xtts_finetune.monitor.warnings.seen import Seen

# A curve that falls, or falls and then rises, is bent and not unsteady: it turns once at most.
FEWEST_TURNS = 2


def unsteady_eval(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when the standard deviation of the last evaluations around their course is above the limit."""
    values = [record.mel_ce for record in seen.evals]
    found = eval_std(values)
    if found is None or found <= limits.eval_std or turns(values) < FEWEST_TURNS:
        return None
    window = values[-WINDOW:]
    return Warned(
        "unsteady_eval",
        "The eval loss jumps up and down",
        f"over the last {len(window)} evaluations mel_ce moved between {min(window):.3f} and {max(window):.3f}: a "
        f"standard deviation of {found:.3f} around its course, where {limits.eval_std:g} is the limit",
        f"Lower learning_rate{lower_rate(seen.learning_rate)}, or average over more clips a step: double batch_size "
        "or accumulate. Train with fewer terms in the loss. With fewer than 16 eval clips a larger eval set alone "
        "calms the curve (eval_set: fraction).",
    )
