"""The numbers that a diagnosis shows, whatever the verdict."""

from __future__ import annotations

import math
from statistics import median, stdev

from xtts_finetune.curves.curves import Curves, Series
from xtts_finetune.curves.verdict import Judgement
from xtts_finetune.curves.window import in_blocks

LATELY = 5  # values


def measured(curves: Curves, judged: Judgement) -> dict[str, float]:
    """The numbers by name; one that there is no data for is left out. docs/diagnosing.md says what each is."""
    curve = judged.curve
    numbers: dict[str, float] = {"values": float(len(curve))}
    if curve.values:
        best = min(range(len(curve)), key=lambda i: curve.values[i])
        numbers |= {
            "first": curve.values[0],
            "last": curve.values[-1],
            "best": curve.values[best],
            "best_at": curve.positions[best],
        }
    if len(curve) >= LATELY:
        numbers["std_lately"] = stdev(curve.values[-LATELY:])
        numbers["gain_lately"] = curve.values[-LATELY] - curve.values[-1]
    if (end := judged.end) is not None:
        numbers |= {
            "level": end.level,
            "window_start": end.start,
            "window_values": float(end.values),
            "horizon": end.horizon,
            "fall": end.fall,
            "fall_low": end.fall_low,
            "fall_high": end.fall_high,
            "relevant": end.relevant,
            "noise": end.noise,
            "memory": end.memory,
        }
        if end.more_values is not None and judged.verdict == "too short":
            numbers["more_values"] = float(end.more_values)
    if judged.which == "evaluation":
        numbers |= _beside_training(curves, judged)
    for name, found in (("learning_rate", curves.learning_rate), ("grad_norm", curves.grad_norm)):
        numbers |= _last_of(name, found.finite)
    return numbers | (dict(judged.finding.numbers) if judged.finding is not None else {})


def _beside_training(curves: Curves, judged: Judgement) -> dict[str, float]:
    """Where training is, and how far apart the two are, now and when evaluations were best."""
    train, curve = in_blocks(curves.train), judged.curve
    if not train or not curve:
        return {}
    numbers = {"train_last": train.values[-1], "gap": curve.values[-1] - train.values[-1]}
    if judged.train_end is not None:
        numbers["train_fall"] = judged.train_end.fall
    return numbers


def _last_of(name: str, found: Series) -> dict[str, float]:
    if not found:
        return {}
    if name == "learning_rate":
        return {name: found.values[-1], "learning_rate_peak": max(found.values)}
    lately = median(found.values[-LATELY:])
    before = [value for value in found.values[:-LATELY] if value > 0]
    usual = median(before) if before else math.nan
    return {name: lately} | ({"grad_norm_times": lately / usual} if before else {})
