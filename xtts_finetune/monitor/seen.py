"""What warnings of a phase go by: its history so far, what its config asks for, and the limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xtts_finetune.curves.judge import EpochMean
from xtts_finetune.numbers.usual import EVAL_RISE, EVAL_STD, GOOD_IMPROVEMENT, IMPROVEMENT
from xtts_finetune.records.metrics import EvalRecord, StepRecord


@dataclass(frozen=True)
class Limits:
    """Of mel_ce in nats. Warned of: std and gap (None: any is fine) above, improvement below the limit.

    `rise` is a share of the lowest eval loss: how far the last evaluations may lie above it.
    """

    eval_std: float = EVAL_STD
    improvement: float = IMPROVEMENT
    gap: float | None = None
    rise: float = EVAL_RISE
    target_improvement: float = GOOD_IMPROVEMENT


DEFAULTS = Limits()


@dataclass(frozen=True)
class Seen:
    """A phase's history so far: its last evaluations and steps, and the means of its whole epochs.

    best           the evaluation with the lowest mel_ce, where it may be older than `evals`
    learning_rate  the declared one, 0.0 where it is not known
    goal           the mel_ce of the best success level that the config names; None: none
    least_rise     nats of eval mel_ce that the config's rule 'overfitting' lets pass
    free, needed   bytes of room on the disk, and of one more checkpoint with the best model; None: not known
    """

    evals: Sequence[EvalRecord] = ()
    best: EvalRecord | None = None
    epochs: Sequence[EpochMean] = ()
    steps: Sequence[StepRecord] = ()
    learning_rate: float = 0.0
    goal: float | None = None
    least_rise: float = 0.0
    free: int | None = None
    needed: int | None = None

    @property
    def lowest(self) -> EvalRecord | None:
        """The evaluation with the lowest mel_ce."""
        records = [*self.evals, *([self.best] if self.best is not None else [])]
        known = [record for record in records if math.isfinite(record.mel_ce)]
        return min(known, key=lambda record: record.mel_ce, default=None)


def goal_of(success: object, start: EvalRecord | None) -> float | None:
    """The lowest mel_ce that `success` of a phase.yaml asks for, in a phase that began at `start`; None for none."""
    goals = []
    began = math.nan if start is None else start.mel_ce
    for level in success.values() if isinstance(success, Mapping) else ():
        wanted = level if isinstance(level, Mapping) else {}
        for key, times in (("mel_ce", 1.0), ("mel_ce_of_start", began)):
            if isinstance(value := wanted.get(key), int | float) and math.isfinite(value * times):
                goals.append(value * times)
    return min(goals, default=None)


def declared_rise(stop_when: object) -> float:
    """The rise of the eval loss that the rule 'overfitting' of a phase.yaml lets pass, in nats; 0.0 without one."""
    rules = [rule for rule in stop_when if isinstance(rule, Mapping)] if isinstance(stop_when, list) else []
    values = [rule.get("min_rise") for rule in rules if rule.get("rule") == "overfitting"]
    return max((float(value) for value in values if isinstance(value, int | float)), default=0.0)
