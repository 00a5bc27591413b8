"""How often the eval set is looked at."""

from __future__ import annotations

from xtts_finetune.monitor.review.declared import Declared
from xtts_finetune.monitor.view import Finding

FEWEST = 5
MOST_STEPS = 1000


def evaluations(declared: Declared) -> list[Finding]:
    """Too few evaluations leave stop rules and warnings without anything to go by."""
    every, steps = declared.eval_every_steps, declared.steps
    if every is None or steps is None:
        return []
    if steps / every < FEWEST:
        usual = f"{max(1, int(steps // 10))} (ten evaluations in {steps:.0f} steps)"
        why = f"{steps / every:.1f} evaluations are too few for stop rules, and the best model may be missed"
        return [declared.finding("eval_every_steps", every, usual, why)]
    if every > MOST_STEPS:
        why = "between two evaluations hours of training go unseen"
        return [declared.finding("eval_every_steps", every, "about once an epoch", why)]
    return []
