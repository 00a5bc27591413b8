"""Stop when training changes nothing."""

from __future__ import annotations

from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import NoOp


def no_op(history: Metrics, rule: NoOp) -> Stop | None:
    """Stop when the optimizer was not stepped once in `rule.steps` steps, or evaluations so far apart weigh the same.

    fp16 skips a step whose gradients overflow, without a word, and may skip all. Where the optimizer is stepped,
    the norm of the weights tells: it is summed in float64, so that one that is equal to the last bit means
    that no weight has moved. An evaluation that did not measure it gives no answer.
    """
    steps = history.steps[-rule.steps :]
    if len(steps) == rule.steps and not any(record.stepped for record in steps):
        return Stop(
            Reason.NO_OP,
            f"the optimizer was not stepped once in {rule.steps} steps up to step {steps[-1].step}",
            {"step": steps[-1].step, "steps": rule.steps},
        )
    if (since := _unmoved_since(history)) is None or history.evals[-1].step - since < rule.steps:
        return None
    last = history.evals[-1].step
    return Stop(
        Reason.NO_OP,
        f"no weight has changed from step {since} to step {last}",
        {"step": last, "steps": last - since},
    )


def changed_nothing(history: Metrics) -> Stop | None:
    """The same question about a whole phase, however short; for a phase that has done all its steps."""
    return no_op(history, NoOp(rule="no_op", steps=len(history.steps))) if history.steps else None


def _unmoved_since(history: Metrics) -> int | None:
    """The step of the earliest evaluation from which on all measured norms equal the last one's."""
    if not history.evals or history.evals[-1].weights_norm is None:
        return None
    since = None
    for record in reversed(history.evals):
        if record.weights_norm is not None:
            if record.weights_norm != history.evals[-1].weights_norm:
                break
            since = record.step
    return since
