"""Warnings, one a file: each is a pure function of what was seen, and comes with its cure."""

from __future__ import annotations

from collections.abc import Callable

from xtts_finetune.monitor.stability import Limits
from xtts_finetune.monitor.view import Warned
from xtts_finetune.monitor.warnings.disk_nearly_full import disk_nearly_full
from xtts_finetune.monitor.warnings.gap import gap
from xtts_finetune.monitor.warnings.not_finite import not_finite
from xtts_finetune.monitor.warnings.seen import Seen
from xtts_finetune.monitor.warnings.slow_loading import slow_loading
from xtts_finetune.monitor.warnings.slow_training import slow_training
from xtts_finetune.monitor.warnings.unsteady_eval import unsteady_eval

RULES: tuple[Callable[[Seen, Limits], Warned | None], ...] = (
    not_finite,
    unsteady_eval,
    slow_training,
    gap,
    slow_loading,
    disk_nearly_full,
)


def warnings_of(seen: Seen, limits: Limits) -> list[Warned]:
    """All warnings that hold now, the gravest first."""
    found = (rule(seen, limits) for rule in RULES)
    return [warning for warning in found if warning is not None]
