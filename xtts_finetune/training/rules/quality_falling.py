"""Stop when what the model speaks gets worse."""

from __future__ import annotations

from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import QualityFalling

ROUNDING = 1e-9  # 0.9 - 0.7 is a little less than 0.2


def quality_falling(history: Metrics, rule: QualityFalling) -> Stop | None:
    """Stop when in each of the last `rule.evals` checks the share of sound utterances was `rule.drop` below the best.

    The best is that of the checks before them. A check for which nothing was spoken does not count.
    """
    checks = [record for record in history.quality if record.spoken]
    before, last = checks[: -rule.evals], checks[-rule.evals :]
    if not before:
        return None
    best = max(before, key=lambda record: record.share)
    if max(record.share for record in last) > best.share - rule.drop + ROUNDING:
        return None
    return Stop(
        Reason.QUALITY_FALLING,
        f"{last[-1].passed} of {last[-1].spoken} samples are clean at step {last[-1].step}; "
        f"at step {best.step} it was {best.passed} of {best.spoken}",
        {"step": last[-1].step, "share": last[-1].share, "best_share": best.share, "best_step": best.step},
    )
