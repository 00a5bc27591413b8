"""Stop rules, one a file: history in, a stop or nothing out. No clock, no files, no state.

Numbers that are NaN or infinite are judged by `not_finite` alone; every other rule passes over them.
So a history that is read back from its file, where both are null, gives the answer that it gave live.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xtts_finetune.records.metrics import EvalRecord, Metrics, QualityRecord, Record, StepRecord
from xtts_finetune.records.stopping import Stop
from xtts_finetune.spec.stop_rules import NoOp, NotFinite, StopRule
from xtts_finetune.training.rules.exploding import exploding
from xtts_finetune.training.rules.no_improvement import no_improvement
from xtts_finetune.training.rules.no_op import no_op
from xtts_finetune.training.rules.not_finite import not_finite
from xtts_finetune.training.rules.overfitting import overfitting
from xtts_finetune.training.rules.quality_falling import quality_falling
from xtts_finetune.training.rules.target_reached import target_reached
from xtts_finetune.training.rules.text_ce_above import text_ce_above
from xtts_finetune.training.rules.time_limit import time_limit

# A run that changes no weight is no success, and one that is ruined must not go on for hours.
GUARDS: tuple[StopRule, ...] = (NotFinite(rule="not_finite"), NoOp(rule="no_op"))

Judge = Callable[[Metrics, Any], Stop | None]
# Each is declared under its function's name. Those that wait, or look for a trend, count anew where more was asked for.
_WAITING: tuple[Judge, ...] = (no_improvement, overfitting, exploding, no_op, time_limit)
_ALL: tuple[Judge, ...] = (*_WAITING, text_ce_above, not_finite, quality_falling, target_reached)
_RULES = {judge.__name__: judge for judge in _ALL}


def rules_of(declared: Sequence[StopRule]) -> tuple[StopRule, ...]:
    """The rules that a phase is under: the guards that it does not declare itself, then what it declares."""
    kinds = {type(rule) for rule in declared}
    return (*(guard for guard in GUARDS if type(guard) not in kinds), *declared)


def first_stop(history: Metrics, declared: Sequence[StopRule], since_continued: Metrics | None = None) -> Stop | None:
    """The stop of the first rule that fires on a phase's history, guards included; `rules_of` has their order.

    `since_continued` is the history since somebody asked for more of the phase: rules that wait or look for a trend,
    and would end it at once for what was before, count from there. None: it was not continued.
    Meant to be asked after every record: it looks at windows of steps and at all evaluations.
    """
    recent = history if since_continued is None else since_continued
    for rule in rules_of(declared):
        judge = _RULES[rule.rule]
        if (stop := judge(recent if judge in _WAITING else history, rule)) is not None:
            return stop
    return None


def replayed(history: Metrics, declared: Sequence[StopRule]) -> tuple[int, Stop] | None:
    """Where a run with this history would have stopped under these rules, and why: (step, stop) or None.

    Lives the history again, a record at a time and in the order of its file: the step, its evaluation, its
    utterances.
    """
    records: list[Record] = [*history.steps, *history.evals, *history.quality]
    steps: list[StepRecord] = []
    evals: list[EvalRecord] = []
    quality: list[QualityRecord] = []
    lived = Metrics(steps, evals, quality)
    for record in sorted(records, key=lambda record: record.step):
        if isinstance(record, StepRecord):
            steps.append(record)
        elif isinstance(record, EvalRecord):
            evals.append(record)
        else:
            quality.append(record)
        if (stop := first_stop(lived, declared)) is not None:
            return record.step, stop
    return None
