"""Stop when the time that a phase was given is used."""

from __future__ import annotations

from collections.abc import Sequence

from xtts_finetune.records.metrics import Metrics, Record
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import TimeLimit

QUICK = 1.0  # seconds
EVERY = 16


def time_limit(history: Metrics, rule: TimeLimit) -> Stop | None:
    """Stop when steps, evaluations and utterances have taken `rule.hours`, by the seconds that each recorded.

    There is no clock to be wrong after a resume: work that was done again counts once, a pause not at all.
    """
    if _another_time(history):
        return None
    kinds: list[Sequence[Record]] = [history.steps, history.evals, history.quality]
    hours = sum(sum(record.seconds for record in records) for records in kinds) / 3600
    if not hours >= rule.hours:
        return None
    step = max(records[-1].step for records in kinds if records)
    return Stop(
        Reason.TIME_LIMIT,
        f"{hours:.2f} hours of work have passed at step {step}; the limit is {rule.hours:g}",
        {"step": step, "hours": hours, "limit": rule.hours},
    )


def _another_time(history: Metrics) -> bool:
    """Whether the sum, which grows with the history, can wait: only every 16th of quick steps needs it.

    So the limit is passed by 16 seconds at most, and a run of 100 000 steps spends seconds on it, not minutes.
    """
    if not history.steps:
        return False
    last = history.steps[-1]
    others = (records[-1].step for records in (history.evals, history.quality) if records)
    return last.seconds < QUICK and last.step % EVERY != 0 and last.step not in others
