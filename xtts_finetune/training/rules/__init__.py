"""Stop rules, one a file: history in, a stop or nothing out. No clock, no files, no state."""

from __future__ import annotations

from collections.abc import Sequence

from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Stop
from xtts_finetune.spec.stop_rules import NoImprovement, Overfitting, StopRule, TextCeAbove
from xtts_finetune.training.rules.no_improvement import no_improvement
from xtts_finetune.training.rules.overfitting import overfitting
from xtts_finetune.training.rules.text_ce_above import text_ce_above


def first_stop(history: Metrics, rules: Sequence[StopRule]) -> Stop | None:
    """The stop of the first declared rule that fires on a phase's history."""
    if not history.evals:
        return None
    for rule in rules:
        if (stop := _apply(history, rule)) is not None:
            return stop
    return None


def _apply(history: Metrics, rule: StopRule) -> Stop | None:
    match rule:
        case TextCeAbove():
            return text_ce_above(history, rule)
        case NoImprovement():
            return no_improvement(history, rule)
        case Overfitting():
            return overfitting(history, rule)
