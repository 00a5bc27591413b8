"""Stop when a metric no longer falls."""

from __future__ import annotations

from xtts_finetune.records.metrics import EvalRecord, Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import NoImprovement


def no_improvement(history: Metrics, rule: NoImprovement) -> Stop | None:
    """Stop when `rule.metric` has not fallen by `rule.min_change` for `rule.steps` optimizer steps."""
    best_step, best = history.evals[0].step, _value(history.evals[0], rule)
    for record in history.evals[1:]:
        if _value(record, rule) < best - rule.min_change:
            best_step, best = record.step, _value(record, rule)
    waited = history.evals[-1].step - best_step
    if waited < rule.steps:
        return None
    return Stop(
        Reason.NO_IMPROVEMENT,
        f"{rule.metric} has not improved on {best:.3f} (step {best_step}) for {waited} steps",
    )


def _value(record: EvalRecord, rule: NoImprovement) -> float:
    values = {"mel_ce": record.mel_ce, "text_ce": record.text_ce, "stop_ce": record.stop_ce}
    return values[rule.metric]
