"""The verdict on curves: one of six words, with the numbers that it rests on.

What is worse than a plateau comes first: losses that are NaN or infinite, that explode, or that part from each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from xtts_finetune.curves.curves import Curves, Series
from xtts_finetune.curves.judge import level_before
from xtts_finetune.curves.line import as_numbers, local_noise, spread_around
from xtts_finetune.curves.movement import (
    FEWEST,
    FEWEST_FLAT,
    RELEVANT,
    Movement,
    in_blocks,
    movement_of,
    running_median,
)

LAST = 10  # values that say whether losses are numbers
DOUBLE = 2.0  # times the level before: one value that far up is enough
JUMP = 1.3  # times the level before, for two or three values in a row
LEAP, LEAST_LEVEL = 1000.0, 0.01  # times the level before, wherever it is; a level that counts for no less
SURE = 6.0  # standard deviations above the level before
GROWN = 1.5  # times its lowest level: a curve that climbed so far, slowly or not, has exploded
RISEN = 4.0  # standard deviations of the difference of two levels; the lowest one was chosen among many
SWINGS = 0.04  # of the value: noise of evaluations that hides what steps do
CHANCE = 0.10  # of calling smaller noise a swing
UNDER_NOISE = 3.0  # a fall over the window of fewer standard deviations is lost among swings


@dataclass(frozen=True)
class Finding:
    """Something found: since which position, and the numbers that it rests on."""

    since: float
    numbers: dict[str, float]


def not_finite(curves: Curves) -> Finding | None:
    """NaN or infinity: of any evaluation or training loss, or of most of the last ten gradients.

    `since` is where it ended so, or of a curve that came back the first such place. A single gradient is none:
    fp16 now and then skips a step whose gradients overflow.
    """
    for found in (curves.evaluation, curves.train, curves.grad_norm):
        bad = [not math.isfinite(value) for value in found.values]
        lately = bad[-LAST:]
        if not any(bad) or (found is curves.grad_norm and not (all(lately) or sum(lately) > len(lately) / 2)):
            continue
        first = bad.index(True)
        if bad[-1]:
            first = max((i + 1 for i, one in enumerate(bad) if not one), default=0)
        numbers = {"not_finite": float(sum(bad)), "of_values": float(len(bad)), "values_after": float(_after(bad))}
        return Finding(found.positions[first], numbers)
    return None


def _after(bad: Sequence[bool]) -> int:
    """How many values came after the last one that is not finite."""
    return next(n for n, one in enumerate(reversed(bad)) if one)


def leapt(curve: Series) -> Finding | None:
    """A single value at a thousand times the level before and above 10, also where the curve came back: no noise."""
    values = curve.values
    for now in range(1, len(values)):
        if abs(values[now]) <= LEAP * LEAST_LEVEL:
            continue
        level = abs(level_before([*map(abs, values[max(0, now - LAST) : now])], LAST, 3))
        if abs(values[now]) > LEAP * level:
            times = abs(values[now]) / max(level, LEAST_LEVEL)
            back = [abs(value) > LEAP * max(level, LEAST_LEVEL) for value in values]
            numbers = {"before": level, "now": values[now], "times": times, "values_after": float(_after(back))}
            return Finding(curve.positions[now], numbers)
    return None


def exploded(curve: Series) -> Finding | None:
    """A jump at the end: one value at twice the level before, or two or three well above it and above noise.

    The level before is the median of up to ten values. A curve that came back down has not exploded.
    """
    values = as_numbers(curve.values)
    for last in (1, 2, 3):
        if len(values) < last + 2:
            return None
        before = values[max(0, len(values) - last - 10) : len(values) - last]
        level = level_before(before.tolist(), 10, 3)
        end = float(np.min(values[-last:]))
        times = end / level if level > 0 else 0.0
        enough = times > DOUBLE if last == 1 else times > JUMP and end > level + SURE * local_noise(before)
        if enough and end > float(np.max(before[-3:])):
            return Finding(curve.positions[-last], {"before": level, "now": float(values[-1]), "times": times})
    lowest = float(np.min(running_median(values)))
    if lowest > 0 and float(np.min(values[-2:])) > GROWN * lowest + SURE * local_noise(values):
        at = curve.positions[int(np.argmin(running_median(values)))]
        return Finding(at, {"before": lowest, "now": float(values[-1]), "times": float(values[-1]) / lowest})
    return None


def risen(curve: Series, end: Movement) -> Finding | None:
    """A curve that has risen since its lowest point by more than noise, and by what is relevant; the point.

    Either its end rises, or the end (the last quarter, at least 3 values) lies higher than the lowest point.
    """
    values = as_numbers(curve.values)
    smooth = running_median(values)
    lowest = int(np.argmin(smooth[1:-1])) + 1 if len(values) > 2 else 0
    count = max(3, len(values) // 4)
    rise = float(np.median(values[-count:]) - smooth[lowest])
    noise = local_noise(values) * math.sqrt((1 + end.memory) / (1 - end.memory))
    high = (
        lowest < len(values) - count
        and rise > RISEN * (1 + FEWEST_FLAT / len(values)) * noise * math.sqrt(1 / count + 1 / 3)
        and rise > end.relevant * abs(smooth[lowest])
    )
    if not high and end.direction != "rising":
        return None
    # What is said and kept as the best model is the lowest value itself.
    best = int(np.argmin(values))
    numbers = {"lowest": float(values[best]), "now": float(np.median(values[-3:]))}
    level = max(abs(numbers["lowest"]), 1e-12)
    return Finding(curve.positions[best], {**numbers, "rise": (numbers["now"] - numbers["lowest"]) / level})


def swinging(curve: Series, end: Movement) -> Finding | None:
    """Swings of more than 4 % of the value, by a confidence limit, in which a fall would be lost.

    Asked only of values that are means over many clips, and of the window that speaks of the end.
    """
    window = curve.since(end.start)
    if len(window) < FEWEST_FLAT:
        return None
    values = as_numbers(window.values)
    level = float(np.median(values))
    slope = -end.fall * abs(end.level) / end.horizon
    ago = as_numbers(window.positions) - window.positions[-1]
    spread, least = spread_around(values - end.level - slope * ago, CHANCE)
    lost = slope * float(ago[0])
    if least <= SWINGS * abs(level) or (end.direction == "falling" and lost > UNDER_NOISE * spread):
        return None
    numbers = {
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "std": float(values.std(ddof=1)),
    }
    return Finding(end.start, {**numbers, "swings": spread / abs(level), "swings_at_least": least / abs(level)})


Verdict = Literal["falling", "plateau", "oscillating", "exploding", "overfitting", "too short"]
Which = Literal["evaluation", "train"]
LEAVES_SWINGS = 2.0  # a rise of more than so many standard deviations of the swings is more than one of them


@dataclass(frozen=True)
class Judgement:
    """What was judged (`curve`, which of the two it is), the verdict, and what it rests on.

    `end` is how the judged curve moves at its end, `train_end` how training does where evaluations were judged;
    None where there is too little of it.
    """

    verdict: Verdict
    which: Which
    curve: Series
    end: Movement | None = None
    train_end: Movement | None = None
    finding: Finding | None = None
    not_finite: bool = False
    notes: tuple[str, ...] = field(default=())


def judge(curves: Curves, relevant: float = RELEVANT) -> Judgement:
    """The verdict on curves. What is worse comes first: a model that explodes is not asked whether it overfits.

    Evaluations are judged where there are at least four, else training losses, put together in blocks where they
    are those of single batches.
    """
    train = in_blocks(curves.train)
    evaluation = in_blocks(curves.evaluation)
    which: Which = "evaluation" if len(evaluation) >= FEWEST or len(train) < FEWEST else "train"
    curve = evaluation if which == "evaluation" else train
    end = movement_of(curve, relevant)
    train_end = movement_of(train, relevant) if which == "evaluation" else None

    def found(verdict: Verdict, finding: Finding | None = None, nan: bool = False) -> Judgement:
        return Judgement(verdict, which, curve, end, train_end, finding, nan)

    if (finding := not_finite(curves)) is not None:
        return found("exploding", finding, nan=True)
    for whole in (curves.evaluation, curves.train):
        if (finding := leapt(whole)) is not None:
            return found("exploding", finding)
    if (finding := _explosion(curve, train, which, train_end)) is not None:
        return found("exploding", finding)
    if end is None:
        return found("too short")
    averaged = curves.evaluation.averaged if which == "evaluation" else curves.train.averaged
    swings = swinging(curve, end) if averaged else None
    rise = risen(curve, end)
    if rise is not None and (swings is None or rise.numbers["rise"] > LEAVES_SWINGS * swings.numbers["swings"]):
        train_rises = train_end is not None and train_end.direction == "rising"
        if train_rises or (which == "train" and end.direction == "rising"):
            return found("exploding", rise)
        if which == "evaluation" and _is_overfitting(rise, train, relevant):
            return found("overfitting", rise)
    if swings is not None:
        return found("oscillating", swings)
    if end.direction == "falling":
        return found("falling")
    return found("plateau" if end.direction in ("flat", "rising") else "too short")


def _explosion(curve: Series, train: Series, which: Which, train_end: Movement | None) -> Finding | None:
    """An explosion of what is judged, or of training. Evaluations that leave while training falls overfit."""
    if which == "evaluation" and (finding := exploded(train)) is not None:
        return finding
    falls = train_end is not None and train_end.direction == "falling"
    return None if falls else exploded(curve)


def _is_overfitting(finding: Finding, train: Series, relevant: float) -> bool:
    """Whether training did not rise as well since evaluations were lowest; without training, nothing speaks against."""
    since = movement_of(train.since(finding.since), relevant)
    return since is None or since.direction != "rising"
