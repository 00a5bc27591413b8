"""The learning rate as a function of the step, and of the evaluations so far where it waits for a plateau: formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.schedule import MilestonesSpec, PeriodSpec, ScheduleKind, ScheduleSpec

StepsOf = Callable[[float], int]  # optimizer steps of so many epochs


@dataclass(frozen=True)
class Course:
    """A declared schedule with every length in steps and the minimum as a share of the learning rate."""

    schedule: ScheduleSpec
    total_steps: int
    minimum: float
    period: int
    milestones: tuple[int, ...]


def course_of(phase: PhaseSpec, total_steps: int, steps_of: StepsOf) -> Course:
    """The schedule of a phase of so many steps."""
    schedule = phase.schedule
    minimum = schedule.minimum
    if schedule.minimum_learning_rate is not None:
        minimum = schedule.minimum_learning_rate / phase.learning_rate
    return Course(
        schedule,
        total_steps,
        minimum,
        _period(schedule.period, steps_of),
        _points(schedule.milestones, steps_of),
    )


def factor(course: Course, step: int) -> float:
    """What the peak learning rate is multiplied with in step `step`, counted from 0.

    A linear rise over `warmup_steps`, then as the kind says. For 'reduce_on_plateau' the reductions come on top: see
    `follow_plateau`.
    """
    warmup = course.schedule.warmup_steps
    if course.schedule.kind == "noam":
        return noam(step, warmup, course.minimum)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return _AFTER_WARMUP[course.schedule.kind](course, step)


def noam(step: int, warmup: int, minimum: float = 0.0) -> float:
    """min(n / w, sqrt(w / n)) with n = step + 1: a linear rise to 1 at n = w, then a fall with 1 / sqrt(n).

    Vaswani et al., Attention Is All You Need, NeurIPS 2017, equation 3, scaled so that its peak is 1.
    """
    n, w = step + 1, max(1, warmup)
    return n / w if n < w else max(minimum, math.sqrt(w / n))


def cosine(progress: float, minimum: float) -> float:
    """minimum + (1 - minimum) (1 + cos(pi progress)) / 2 for a progress from 0 to 1.

    Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017, equation 5.
    """
    return minimum + (1 - minimum) * 0.5 * (1 + math.cos(math.pi * progress))


def cycle_progress(steps: int, period: int, multiplier: float) -> float:
    """How far into its cycle, from 0 to below 1, a schedule with warm restarts is after so many steps (SGDR, ibid.).

    Cycle i is period x multiplier^i long.
    """
    if multiplier == 1.0:
        return steps % period / period
    left, length = float(steps), float(period)
    while left >= length:
        left, length = left - length, length * multiplier
    return left / length


def reductions(mel_ces: Sequence[float], patience: int) -> int:
    """How often a plateau has lowered the learning rate by now, from every evaluation's mel_ce so far.

    It is lowered when more than `patience` evaluations have passed since the last one below all before it, or since the
    last reduction. PyTorch's `ReduceLROnPlateau` does the same with a threshold of 0.
    """
    best, waited, count = math.inf, 0, 0
    for value in mel_ces:
        waited = 0 if value < best else waited + 1
        best = min(best, value) if value == value else best
        if waited > patience:
            waited, count = 0, count + 1
    return count


def _constant(course: Course, step: int) -> float:
    return 1.0


def _linear(course: Course, step: int) -> float:
    return course.minimum + (1 - course.minimum) * (1 - _share_done(course, step))


def _cosine(course: Course, step: int) -> float:
    return cosine(_share_done(course, step), course.minimum)


def _cosine_restarts(course: Course, step: int) -> float:
    done = step - course.schedule.warmup_steps
    return cosine(cycle_progress(done, course.period, course.schedule.period_multiplier), course.minimum)


def _multi_step(course: Course, step: int) -> float:
    passed = sum(step >= milestone for milestone in course.milestones)
    return max(course.minimum, course.schedule.factor**passed)


_AFTER_WARMUP: dict[ScheduleKind, Callable[[Course, int], float]] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "cosine_restarts": _cosine_restarts,
    "multi_step": _multi_step,
    "reduce_on_plateau": _constant,
}


def _share_done(course: Course, step: int) -> float:
    """Of the steps from the warm-up to the last one; 1 at the last one and beyond the plan."""
    warmup = course.schedule.warmup_steps
    return min(1.0, (step - warmup) / max(1, course.total_steps - 1 - warmup))


def _period(period: PeriodSpec | None, steps_of: StepsOf) -> int:
    if period is None:
        return 0
    return period.steps if period.steps is not None else steps_of(period.epochs or 0.0)


def _points(milestones: MilestonesSpec | None, steps_of: StepsOf) -> tuple[int, ...]:
    if milestones is None:
        return ()
    return milestones.steps or tuple(steps_of(epochs) for epochs in milestones.epochs or ())
