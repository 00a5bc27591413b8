"""Stop when the model gets better on what it has heard and worse on what it has not."""

from __future__ import annotations

from itertools import pairwise

from xtts_finetune.records.metrics import EvalRecord, Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import Overfitting


def overfitting(history: Metrics, rule: Overfitting) -> Stop | None:
    """Stop when eval mel_ce rose and training mel_ce fell in each of the last `rule.evals` evaluations."""
    recent = history.evals[-(rule.evals + 1) :]
    if len(recent) <= rule.evals:
        return None
    if not all(_apart(before, after) for before, after in pairwise(recent)):
        return None
    first, last = recent[0], recent[-1]
    return Stop(
        Reason.OVERFITTING,
        f"in {rule.evals} evaluations eval mel_ce rose from {first.mel_ce:.3f} to {last.mel_ce:.3f} "
        f"while training mel_ce fell from {first.train_mel_ce:.3f} to {last.train_mel_ce:.3f}",
    )


def _apart(before: EvalRecord, after: EvalRecord) -> bool:
    if before.train_mel_ce is None or after.train_mel_ce is None:
        return False
    return after.mel_ce > before.mel_ce and after.train_mel_ce < before.train_mel_ce
