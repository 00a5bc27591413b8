"""Stop when a metric no longer falls."""

from __future__ import annotations

from xtts_finetune.look.quantities import NOT_FINITE
from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import NoImprovement
from xtts_finetune.training.rules.series import Evaluated, evaluated

PATIENCE = 500  # optimizer steps, where the rule names neither steps nor evaluations


def no_improvement(history: Metrics, rule: NoImprovement) -> Stop | None:
    """Stop when `rule.metric` has not fallen by the smallest change that counts for `steps` or `evals`.

    Small falls add up: each value is compared with the last one that counted. An evaluation that is NaN or
    infinite is never better, but waiting for it counts; if all are, the wait began with the first.
    """
    if not history.evals:
        return None
    best = _last_better(list(evaluated(history.evals, rule.metric)), rule)
    since = best.step if best else history.evals[0].step
    steps = history.evals[-1].step - since
    evals = sum(record.step > since for record in history.evals)
    if rule.evals is not None:
        waited, patience, unit = evals, rule.evals, "evaluations"
    else:
        waited, patience, unit = steps, rule.steps or PATIENCE, "steps"
    if waited < patience:
        return None
    numbers: dict[str, float] = {"step": history.evals[-1].step, "waited_steps": steps, "waited_evals": evals}
    if best is None:
        return Stop(Reason.NO_IMPROVEMENT, f"{rule.metric} was {NOT_FINITE} for all of {waited} {unit}", numbers)
    return Stop(
        Reason.NO_IMPROVEMENT,
        f"{rule.metric} has not improved on {best.value:.{_places(rule)}f} (step {best.step}) for {waited} {unit}",
        {**numbers, "best": best.value, "best_step": best.step},
    )


def _last_better(seen: list[Evaluated], rule: NoImprovement) -> Evaluated | None:
    """The last value that was better than all before it by enough to count; the first value counts."""
    if not seen:
        return None
    best = seen[0]
    smallest = max(rule.min_change, rule.min_change_of_start * best.value)
    for point in seen[1:]:
        if point.value < best.value - smallest:
            best = point
    return best


def _places(rule: NoImprovement) -> int:
    return 4 if rule.metric == "text_ce" else 3  # text_ce is in hundredths of a nat
