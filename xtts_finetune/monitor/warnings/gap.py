"""The model knows its training clips better than clips that it has never heard."""

from __future__ import annotations

from xtts_finetune.monitor.history import gap_at
from xtts_finetune.monitor.stability import GAP_EVALS, Limits, gap_of
from xtts_finetune.monitor.view import Warned
from xtts_finetune.monitor.warnings.seen import Seen


def gap(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when the eval mel_ce is further above the training mel_ce than the limit."""
    found = gap_of([gap_at(record) for record in seen.evals])
    if found is None or found <= limits.gap:
        return None
    return Warned(
        "gap",
        "Training and eval loss are apart",
        f"eval mel_ce is {found:.3f} above training mel_ce (median of the last {GAP_EVALS} evaluations), where "
        f"{limits.gap:g} is the limit",
        "Stop earlier: the best model so far is kept. More varied clips help most. Otherwise raise weight_decay, or "
        "train fewer weights (train: [heads] or {lora: {}}). A larger eval set (eval_set: {fraction: 0.25}, in a new "
        "run) tells whether the gap is real: a few hard clips make one, too.",
    )
