"""The learning rate as a function of the step."""

from __future__ import annotations

import math

import torch

from xtts_finetune.spec.phase import ScheduleSpec


def factor(schedule: ScheduleSpec, step: int, total_steps: int) -> float:
    """What the peak learning rate is multiplied with in step `step`, counted from 0.

    A linear rise over `warmup_steps`, then constant, or a linear or cosine fall to `minimum` at the last
    step (cosine: Loshchilov and Hutter, SGDR, ICLR 2017, without restarts).
    """
    if step < schedule.warmup_steps:
        return (step + 1) / (schedule.warmup_steps + 1)
    if schedule.kind == "constant":
        return 1.0
    fall = max(1, total_steps - 1 - schedule.warmup_steps)
    progress = min(1.0, (step - schedule.warmup_steps) / fall)
    height = 0.5 * (1 + math.cos(math.pi * progress)) if schedule.kind == "cosine" else 1 - progress
    return schedule.minimum + (1 - schedule.minimum) * height


def make_schedule(
    optimizer: torch.optim.Optimizer, schedule: ScheduleSpec, total_steps: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """A scheduler that is stepped once for each optimizer step."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(schedule, step, total_steps))
