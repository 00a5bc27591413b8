"""Stop when a metric is where it was to go."""

from __future__ import annotations

from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import TargetReached
from xtts_finetune.training.rules.series import first_and_last


def target_reached(history: Metrics, rule: TargetReached) -> Stop | None:
    """Stop when `rule.metric` is below `rule.below`, or `rule.of_start` times its start; with both, below both."""
    ends = first_and_last(history.evals, rule.metric)
    if ends is None:
        return None
    start, last = ends
    limits = [] if rule.below is None else [rule.below]
    if rule.of_start is not None:
        limits.append(rule.of_start * start.value)
    limit = min(limits)
    if not last.value < limit:
        return None
    return Stop(
        Reason.TARGET_REACHED,
        f"{rule.metric} is {last.value:.4g} at step {last.step}, below {limit:.4g}",
        {"step": last.step, rule.metric: last.value, "target": limit, "start": start.value},
    )
