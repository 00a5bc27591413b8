"""Stop when the model loses the text."""

from __future__ import annotations

from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import TextCeAbove
from xtts_finetune.training.rules.series import first_and_last


def text_ce_above(history: Metrics, rule: TextCeAbove) -> Stop | None:
    """Stop when text_ce has risen above `rule.limit`, or above `rule.of_start` times its value at the start.

    With both given, both must be passed: a base may read above the constant before it has learned anything,
    and has then done nothing wrong.
    """
    ends = first_and_last(history.evals, "text_ce")
    if ends is None:
        return None
    start, last = ends
    limits = [] if rule.limit is None else [rule.limit]
    if rule.of_start is not None:
        limits.append(rule.of_start * start.value)
    limit = max(limits)
    if not last.value > limit:
        return None
    return Stop(
        Reason.TEXT_CE_ABOVE,
        f"text_ce rose to {last.value:.4f}, above {limit:.4f} (at the phase's start it was {start.value:.4f})",
        {"step": last.step, "text_ce": last.value, "limit": limit, "start": start.value},
    )
