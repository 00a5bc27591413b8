"""Stop when the numbers jump far above what they were."""

from __future__ import annotations

import math
from itertools import islice

from xtts_finetune.curves.judge import level_before
from xtts_finetune.records.metrics import Metrics, StepRecord
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import Exploding
from xtts_finetune.training.rules.series import evaluated, first_and_last

LEAST_STEPS = 10  # values that a median needs to say what is usual, or `window` if that is less
RECENT_EVALS = 5


def exploding(history: Metrics, rule: Exploding) -> Stop | None:
    """Stop when the gradient norm, the training loss or an evaluation's mel_ce has jumped far up.

    Steps: each of the last `rule.steps` is above its multiple of the median of the `rule.window` steps before
    them. A gradient norm of 0 was not measured, or overflowed, and does not count.
    Evaluations: mel_ce is above `rule.mel_ce` times the evaluation before it and times the median of the last
    five before it, whichever is lower (the median alone lags behind a curve that falls), or above
    `rule.of_start` times the phase's start.
    """
    return (
        _in_steps(history, rule, "grad_norm", rule.grad_norm)
        or _in_steps(history, rule, "loss", rule.loss)
        or _in_evaluations(history, rule)
    )


def _in_steps(history: Metrics, rule: Exploding, name: str, factor: float | None) -> Stop | None:
    last = [_measured(record, name) for record in history.steps[-rule.steps :]]
    if factor is None or not last:
        return None
    before = history.steps[-(rule.window + rule.steps) : -rule.steps]
    usual = [value for record in before if (value := _measured(record, name)) > 0]
    if len(usual) < min(LEAST_STEPS, rule.window):
        return None
    middle = level_before(usual, rule.window)
    if not min(last) > factor * middle:
        return None
    step, words = history.steps[-1].step, name.replace("grad_norm", "gradient norm")
    return Stop(
        Reason.EXPLODING,
        f"the {words} was above {factor:g} times its recent median of {middle:.4g} in {rule.steps} steps up to "
        f"step {step}, at last {last[-1]:.4g}",
        {"step": step, name: last[-1], "median": middle, "times": last[-1] / middle},
    )


def _measured(record: StepRecord, name: str) -> float:
    """The step's value, or 0 where it has none that counts."""
    value: float = getattr(record, name)
    return value if math.isfinite(value) else 0.0


def _in_evaluations(history: Metrics, rule: Exploding) -> Stop | None:
    ends = first_and_last(history.evals, "mel_ce")
    if ends is None or ends[0].step == ends[1].step:
        return None
    last, *before = islice(evaluated(reversed(history.evals), "mel_ce"), 1 + RECENT_EVALS)
    usual = level_before([point.value for point in reversed(before)], 1, RECENT_EVALS)
    limits = [(rule.mel_ce, usual, "recent value"), (rule.of_start, ends[0].value, "value at the start")]
    for factor, base, words in limits:
        if factor is not None and last.value > factor * base:
            return Stop(
                Reason.EXPLODING,
                f"mel_ce rose to {last.value:.3f} at step {last.step}: above {factor:g} times its {words}, {base:.3f}",
                {"step": last.step, "mel_ce": last.value, "before": base, "times": last.value / base},
            )
    return None
