"""Stop when the model loses the text."""

from __future__ import annotations

from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import TextCeAbove


def text_ce_above(history: Metrics, rule: TextCeAbove) -> Stop | None:
    """Stop when text_ce has risen above `rule.limit`, or above `rule.of_start` times its value at the start.

    With both given, both must be passed: a base may read above the constant before it has learned anything,
    and has then done nothing wrong.
    """
    start, last = history.evals[0], history.evals[-1]
    limits = [] if rule.limit is None else [rule.limit]
    if rule.of_start is not None:
        limits.append(rule.of_start * start.text_ce)
    limit = max(limits, default=float("inf"))
    if not last.text_ce > limit:
        return None
    return Stop(
        Reason.TEXT_CE_ABOVE,
        f"text_ce rose to {last.text_ce:.4f}, above {limit:.4f} (at the phase's start it was {start.text_ce:.4f})",
    )
