"""What often lies behind such numbers: named where the numbers fit, as a hint, not as a verdict."""

from __future__ import annotations

from collections.abc import Mapping

from xtts_finetune.curves.curves import Curves
from xtts_finetune.curves.diagnosis.wording import share, value
from xtts_finetune.curves.trend import NOTHING
from xtts_finetune.curves.verdict import Judgement

# Of the value; the first watchers of such trainings warned of 0.05, 0.05 and 0.10 at losses near 0.5.
JUMPY, SLOW, APART = 0.05, 0.05, 0.20
SLOW_VALUES = 5
HIGH_RATE = 1e-4  # for a model of the size of XTTS v2
GRADIENTS = 5.0  # times what they usually were


def causes_of(curves: Curves, judged: Judgement, numbers: Mapping[str, float]) -> tuple[str, ...]:
    """Sentences, the likeliest first; none where nothing fits."""
    level = abs(numbers.get("level", 0.0))
    if not level:
        return ()
    found = []
    rate = numbers.get("learning_rate_peak", 0.0)
    if judged.verdict in ("oscillating", "exploding") and rate >= HIGH_RATE:
        found.append(f"a learning rate of {rate:g} is high for a full-size XTTS; 5e-7 to 2e-5 is usual there")
    std = numbers.get("std_lately", 0.0)
    if judged.which == "evaluation" and std > JUMPY * level:
        found.append(
            f"evaluations differ by {value(std)} (standard deviation of the last 5): too high a learning rate, too "
            "small batches, too small an eval set, or loss terms that pull in different directions"
        )
    if numbers.get("grad_norm_times", 0.0) > GRADIENTS:
        found.append(
            f"gradients are {numbers['grad_norm_times']:.0f} times what they usually were: clip them lower"
        )
    gap = numbers.get("gap", 0.0)
    if gap > APART * level and judged.verdict != "exploding":
        found.append(
            f"evaluations lie {value(gap)} above training ({share(gap / level)} of their value): the model knows its "
            "clips better than the language; more clips, fewer steps or LoRA narrow that gap"
        )
    gained = numbers.get("gain_lately", 0.0)
    if curves.unit == "epoch" and judged.verdict == "falling" and NOTHING * level < gained < SLOW * level:
        slow = f"slow: {value(gained)} gained over the last {SLOW_VALUES} epochs"
        found.append(f"{slow}; twice the learning rate, or less weight decay, may be due")
    if judged.verdict == "falling" and numbers["best_at"] != judged.curve.positions[-1]:
        found.append("the newest value is not the best one: it slows down, and a plateau may follow")
    if judged.verdict == "plateau" and judged.end is not None:
        if judged.train_end is not None and judged.train_end.direction == "falling":
            found.append(
                "training falls on while evaluations stay: more steps of this kind only learn clips by heart"
            )
        elif judged.end.since == judged.curve.positions[0]:
            found.append(
                "it never fell: the learning rate may be far too low, or the model knows these clips already"
            )
    return tuple(found)
