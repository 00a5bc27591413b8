"""The diagnosis: a verdict in words, with its numbers, what often lies behind such numbers, and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median, stdev
from typing import Any

from xtts_finetune.curves.advice import Advice, Place, advise
from xtts_finetune.curves.curves import Curves, Series, Unit
from xtts_finetune.curves.judge import NOTHING, lowest, unrest
from xtts_finetune.curves.movement import RELEVANT, in_blocks
from xtts_finetune.curves.verdict import Judgement, Verdict, Which, judge
from xtts_finetune.curves.wording import share, value, words_of
from xtts_finetune.numbers.usual import Usual

LATELY = 5  # values


def measured(curves: Curves, judged: Judgement) -> dict[str, float]:
    """The numbers by name; one that there is no data for is left out. docs/diagnosing.md says what each is."""
    curve = judged.curve
    numbers: dict[str, float] = {"values": float(len(curve))}
    if curve.values:
        best = lowest(curve.values)
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
        numbers |= _compared_with_training(curves, judged)
    for name, found in (("learning_rate", curves.learning_rate), ("grad_norm", curves.grad_norm)):
        numbers |= _last_of(name, found.finite)
    return numbers | (dict(judged.finding.numbers) if judged.finding is not None else {})


def _compared_with_training(curves: Curves, judged: Judgement) -> dict[str, float]:
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


# Shares of the value, where the monitor has nats: its limits of 0.05, 0.05 and 0.10 come from losses near 0.5.
JUMPY, SLOW, APART = 0.05, 0.05, 0.20
SLOW_VALUES = 5
GRADIENTS = 5.0  # times what they usually were


def causes_of(curves: Curves, judged: Judgement, numbers: Mapping[str, float], rates: Usual) -> tuple[str, ...]:
    """Sentences, the likeliest first; none where nothing fits. `rates` are the usual ones of what is trained."""
    level = abs(numbers.get("level", 0.0))
    if not level:
        return ()
    found = []
    rate = numbers.get("learning_rate_peak", 0.0)
    if judged.verdict in ("oscillating", "exploding") and rate > rates.high and rate not in rates:
        found.append(f"a learning rate of {rate:g} is high: {rates} is usual for {rates.of}")
    std = unrest(judged.curve.values) or 0.0
    if judged.which == "evaluation" and std > JUMPY * level:
        found.append(
            f"evaluations differ by {value(std)} (standard deviation around their course): too high a learning rate, "
            "too small batches, too small an eval set, or loss terms that pull in different directions"
        )
    if numbers.get("grad_norm_times", 0.0) > GRADIENTS:
        found.append(f"gradients are {numbers['grad_norm_times']:.0f} times what they usually were: clip them lower")
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
            found.append("training falls while evaluations stay: more steps of this kind only memorise the clips")
        elif judged.end.since == judged.curve.positions[0]:
            found.append("it never fell: the learning rate may be far too low, or the model knows these clips already")
    return tuple(found)


VERSION = 1


@dataclass(frozen=True)
class Diagnosis:
    """What curves say.

    `which` curve was judged and what the file calls it (`judged`); `since` is the position (in `unit`) since which
    the verdict holds, None where it has none; `level` is where the curve is now, a plateau's by the line through it.
    `numbers` are those that the verdict rests on, by name; docs/diagnosing.md says what each is. `words` say the
    verdict, `causes` what often lies behind such numbers, `recommendation` what to do and `command` what to type,
    `also` other commands.
    `remedies` names the remedies worth trying, `optimization_level` the level to switch to; None for neither.
    """

    verdict: Verdict
    since: float | None
    level: float | None
    numbers: Mapping[str, float]
    words: str
    recommendation: str
    command: str
    which: Which
    judged: str
    unit: Unit
    causes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    optimization_level: str | None = None
    curves: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As `diagnose --json` prints it and race.json holds it; numbers that are not finite become null."""
        return {
            "version": VERSION,
            "verdict": self.verdict,
            "since": _or_none(self.since),
            "level": _or_none(self.level),
            "unit": self.unit,
            "which": self.which,
            "judged": self.judged,
            "numbers": {name: _or_none(value) for name, value in self.numbers.items()},
            "words": self.words,
            "causes": list(self.causes),
            "recommendation": self.recommendation,
            "command": self.command,
            "also": list(self.also),
            "remedies": list(self.remedies),
            "optimization_level": self.optimization_level,
            "curves": dict(self.curves),
        }


def diagnose(curves: Curves, place: Place | None = None, relevant: float = RELEVANT) -> Diagnosis:
    """The diagnosis of curves. `place` says which phase of which declaration they are of, for the commands.

    `relevant` is the share of the value whose loss over the next ten values (or a third of the run) would be
    worth waiting for. Any curves give a diagnosis: of too few values, that it is too short to tell.
    """
    judged = judge(curves, relevant)
    numbers = measured(curves, judged)
    place = place or Place(curves.phase)
    advice: Advice = advise(judged, numbers, place)
    return Diagnosis(
        judged.verdict,
        since_of(judged),
        judged.end.level if judged.end is not None and judged.verdict == "plateau" else numbers.get("last"),
        numbers,
        words_of(judged, numbers, curves.unit),
        advice.words,
        advice.command,
        judged.which,
        judged.curve.name or judged.which,
        curves.unit,
        causes_of(curves, judged, numbers, place.rates),
        advice.also,
        advice.remedies,
        advice.optimization_level,
        curves.to_json(),
    )


def since_of(judged: Judgement) -> float | None:
    """The position since which the verdict holds."""
    if judged.finding is not None:
        return judged.finding.since
    if judged.end is None or judged.verdict == "too short":
        return None
    return judged.end.since if judged.end.since is not None else judged.end.start


def _or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
