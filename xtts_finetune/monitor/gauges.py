"""The three numbers of a calm run, each with the limit that is warned of and the target."""

from __future__ import annotations

from typing import Literal

from xtts_finetune.monitor.history import gap_at
from xtts_finetune.monitor.stability import Limits, eval_std, gap_of, improvement, turns
from xtts_finetune.monitor.view import Gauge
from xtts_finetune.monitor.warnings.gap import gap
from xtts_finetune.monitor.warnings.seen import Seen
from xtts_finetune.monitor.warnings.slow_training import slow_training
from xtts_finetune.monitor.warnings.unsteady_eval import unsteady_eval

GaugeState = Literal["too early", "good", "fair", "warning"]


def gauges_of(seen: Seen, limits: Limits) -> tuple[Gauge, ...]:
    """Unrest of the eval loss, improvement of training, gap between the two, as they are now."""
    values = [record.mel_ce for record in seen.evals]
    std, moved = eval_std(values), improvement(seen.epochs)
    apart = gap_of([gap_at(record) for record in seen.evals])
    bent = std is not None and turns(values) < 2  # falls, or turns once: its deviation is a bend's
    calm = std is not None and (bent or std < limits.target_eval_std)
    return (
        Gauge("eval_std", "unrest of the eval loss (standard deviation)", std, limits.eval_std,
              limits.target_eval_std, _state(std, unsteady_eval(seen, limits) is not None, calm)),
        Gauge("improvement", "training improvement over 5 epochs", moved, limits.improvement,
              limits.target_improvement, _state(moved, slow_training(seen, limits) is not None,
                                                moved is not None and moved > limits.target_improvement)),
        Gauge("gap", "eval loss above training loss", apart, limits.gap, limits.target_gap,
              _state(apart, gap(seen, limits) is not None, apart is not None and apart < limits.target_gap)),
    )  # fmt: skip


def _state(value: float | None, warned: bool, good: bool) -> GaugeState:
    if value is None:
        return "too early"
    if warned:
        return "warning"
    return "good" if good else "fair"
