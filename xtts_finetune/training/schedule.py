"""A declared course of the learning rate, put to work on an optimizer; `course` has the formulas."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.optim.lr_scheduler import LambdaLR

from xtts_finetune.training.course import Course, factor, reductions


def make_schedule(optimizer: torch.optim.Optimizer, course: Course) -> LambdaLR:
    """A scheduler that is stepped once for each optimizer step."""
    return LambdaLR(optimizer, lambda step: factor(course, step))


def begin_at(scheduler: LambdaLR, step: int) -> None:
    """Take the rates of the optimizer's groups (`initial_lr`) as the peak, and set that of step `step`, from 0 on."""
    groups = scheduler.optimizer.param_groups
    scheduler.base_lrs = [group["initial_lr"] for group in groups]
    scheduler.last_epoch = step
    for group, learning_rate in zip(groups, scheduler.get_lr(), strict=True):
        group["lr"] = learning_rate


def follow_plateau(scheduler: LambdaLR, course: Course, mel_ces: Sequence[float]) -> None:
    """Set the learning rate of the next step by all evaluations so far; other kinds than 'reduce_on_plateau' stay.

    What is set depends on the evaluations alone, so it is the same after a resume.
    """
    if course.schedule.kind != "reduce_on_plateau":
        return
    share = max(course.minimum, course.schedule.factor ** reductions(mel_ces, course.schedule.patience))
    groups = scheduler.optimizer.param_groups
    scheduler.base_lrs = [share * group["initial_lr"] for group in groups]
    for group, learning_rate in zip(groups, scheduler.get_lr(), strict=True):
        group["lr"] = learning_rate
