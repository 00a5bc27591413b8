"""The verdict on curves: one of six words, with the numbers that it rests on. No words for people yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from xtts_finetune.curves.curves import Curves, Series
from xtts_finetune.curves.movement import FEWEST, RELEVANT, Movement, in_blocks, movement_of
from xtts_finetune.curves.troubles import Finding, exploded, not_finite, risen, swinging

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
    if (finding := _explosion(curve, train, which, train_end)) is not None:
        return found("exploding", finding)
    if end is None:
        return found("too short")
    averaged = curves.evaluation.averaged if which == "evaluation" else curves.train.averaged
    swings = swinging(curve, end) if averaged else None
    rise = risen(curve, end)
    if rise is not None and (
        swings is None or rise.numbers["rise"] > LEAVES_SWINGS * swings.numbers["swings"]
    ):
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
