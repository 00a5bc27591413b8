"""Which declared success level a phase reached."""

from __future__ import annotations

from xtts_finetune.records.metrics import EvalRecord, Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.phase import SuccessLevel


def level_reached(levels: dict[str, SuccessLevel], metrics: Metrics, stop: Stop) -> str | None:
    """The last declared level whose measured limits the phase's best evaluation meets, or None.

    A level's mark out of 10 is for listeners to give: a level that asks for one is named with
    'not heard yet' until they have.
    """
    start, best = metrics.initial, metrics.best
    if start is None or best is None:
        return None
    reached = None
    for name, level in levels.items():
        if _meets(level, start, best, stop):
            reached = name if level.quality is None else f"{name} (by its numbers; not heard yet)"
    return reached


def _meets(level: SuccessLevel, start: EvalRecord, best: EvalRecord, stop: Stop) -> bool:
    return (
        (level.mel_ce is None or best.mel_ce < level.mel_ce)
        and (level.mel_ce_of_start is None or best.mel_ce < level.mel_ce_of_start * start.mel_ce)
        and (level.text_ce is None or best.text_ce < level.text_ce)
        and not (level.no_overfitting and stop.reason is Reason.OVERFITTING)
    )
