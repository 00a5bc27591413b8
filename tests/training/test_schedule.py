"""Every schedule beside its formula, written independently, step by step, and after a resume."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.optimizing.course import Course, course_of, factor, reductions
from xtts_finetune.training.optimizing.optimizer import follow_plateau, make_schedule

TOTAL = 101
PEAK = 2e-6


def course(total: int = TOTAL, **schedule: Any) -> Course:
    phase = PhaseSpec.model_validate({"learning_rate": PEAK, "steps": total, "schedule": schedule})
    return course_of(phase, total, lambda epochs: round(10 * epochs))


def annealed(progress: float, low: float) -> float:
    return low + (1 - low) * float(np.cos(np.pi * progress) + 1) / 2


def restarts(step: int, period: float, multiplier: float, low: float) -> float:
    """SGDR's closed form: in which cycle is the step, and how far into it?"""
    cycle = (
        step // period if multiplier == 1 else math.floor(math.log(step / period * (multiplier - 1) + 1, multiplier))
    )
    begun = cycle * period if multiplier == 1 else period * (multiplier**cycle - 1) / (multiplier - 1)
    return annealed((step - begun) / (period * multiplier**cycle), low)


def rising(warmup: int, after: Callable[[int], float]) -> Callable[[int], float]:
    return lambda step: (step + 1) / (warmup + 1) if step < warmup else after(step)


FORMULAS: dict[str, tuple[dict[str, Any], Callable[[int], float]]] = {
    "constant": ({"warmup_steps": 4}, rising(4, lambda step: 1.0)),
    "linear": ({"kind": "linear", "minimum": 0.2}, lambda step: max(0.2, 1 - 0.8 * step / 100)),
    "cosine": (
        {"kind": "cosine", "warmup_steps": 5, "minimum": 0.1},
        rising(5, lambda step: annealed(min(1.0, (step - 5) / 95), 0.1)),
    ),
    "noam": (
        {"kind": "noam", "warmup_steps": 7},
        # Vaswani's own form, d^-0.5 min(n^-0.5, n w^-1.5), over its value at the peak.
        lambda step: min((step + 1) ** -0.5, (step + 1) * 7**-1.5) / 7**-0.5,
    ),
    "noam with a minimum": (
        {"kind": "noam", "warmup_steps": 1, "minimum": 0.5},
        lambda step: max(0.5, (step + 1) ** -0.5),
    ),
    "restarts": (
        {"kind": "cosine_restarts", "warmup_steps": 3, "period": {"steps": 8}, "minimum_learning_rate": 1e-7},
        rising(3, lambda step: restarts(step - 3, 8, 1, 0.05)),
    ),
    "restarts that grow, in epochs": (
        {"kind": "cosine_restarts", "period": {"epochs": 0.5}, "period_multiplier": 2.0},
        lambda step: restarts(step, 5, 2.0, 0.0),
    ),
    "multi step": (
        {
            "kind": "multi_step",
            "warmup_steps": 2,
            "milestones": {"steps": [4, 9, 15]},
            "factor": 0.3,
            "minimum": 0.05,
        },
        rising(2, lambda step: max(0.05, 0.3 ** sum((step >= 4, step >= 9, step >= 15)))),
    ),
    "multi step in epochs": (
        {"kind": "multi_step", "milestones": {"epochs": [0.5, 1.5]}},
        lambda step: 1.0 if step < 5 else 0.5 if step < 15 else 0.25,
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_each_schedule_is_its_formula_at_every_step(name: str) -> None:
    declared, formula = FORMULAS[name]
    ours = course(**declared)
    assert [factor(ours, step) for step in range(TOTAL + 20)] == pytest.approx(
        [formula(step) for step in range(TOTAL + 20)], rel=1e-12
    )


def test_the_peak_of_noam_is_the_learning_rate_and_is_reached_when_it_has_risen() -> None:
    ours = course(kind="noam", warmup_steps=20)
    factors = [factor(ours, step) for step in range(TOTAL)]
    assert max(factors) == factors[19] == 1.0


def test_a_schedule_ends_at_its_lowest_learning_rate() -> None:
    ours = course(kind="cosine", minimum_learning_rate=1e-7)
    assert PEAK * factor(ours, TOTAL - 1) == pytest.approx(1e-7)


Made = tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]


def made(ours: Course) -> Made:
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))], lr=PEAK)
    return optimizer, make_schedule(optimizer, ours)


def resumed(before: Made, ours: Course) -> Made:
    optimizer, scheduler = made(ours)
    optimizer.load_state_dict(before[0].state_dict())
    scheduler.load_state_dict(before[1].state_dict())
    return optimizer, scheduler


@pytest.mark.parametrize("name", FORMULAS)
def test_the_scheduler_follows_it_for_20_steps_with_a_resume_among_them(name: str) -> None:
    declared, formula = FORMULAS[name]
    ours = course(**declared)
    optimizer, scheduler = made(ours)
    for step in range(20):
        if step == 11:
            optimizer, scheduler = resumed((optimizer, scheduler), ours)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(PEAK * formula(step), rel=1e-12)
        optimizer.step()
        scheduler.step()


def of_pytorch(values: Sequence[float], patience: int, factor: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience, threshold=0.0, eps=0.0
    )
    seen = []
    for value in values:
        plateau.step(value)
        seen.append(optimizer.param_groups[0]["lr"])
    return seen


@pytest.mark.parametrize("patience", [0, 1, 3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_a_plateau_lowers_the_rate_as_pytorchs_does(patience: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    values = (3 + np.exp(-np.arange(60) / 8) + random.normal(0, 0.05, 60)).tolist()
    values[20] = math.nan
    ours = [0.5 ** reductions(values[: count + 1], patience) for count in range(60)]
    assert ours == pytest.approx(of_pytorch(values, patience, 0.5))
    assert ours[-1] < 1


def test_what_a_plateau_lowered_is_there_again_after_a_resume() -> None:
    ours = course(kind="reduce_on_plateau", patience=1, factor=0.5, minimum=0.2, warmup_steps=3)
    values = [3.0, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1]  # one evaluation every two steps

    def rates(resume_at: int | None) -> list[float]:
        pair, found = made(ours), []
        for step in range(16):
            if step == resume_at:
                pair = resumed(pair, ours)
            follow_plateau(pair[1], ours, values[: step // 2 + 1])
            found.append(pair[0].param_groups[0]["lr"])
            pair[0].step()
            pair[1].step()
        return found

    untouched = rates(None)
    assert untouched == pytest.approx([PEAK * share for share in (
        0.25, 0.5, 0.75, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2
    )])  # fmt: skip
    assert all(rates(step) == untouched for step in range(16))


def test_other_kinds_do_not_look_at_evaluations() -> None:
    ours = course(kind="cosine")
    optimizer, scheduler = made(ours)
    follow_plateau(scheduler, ours, [3.0] * 50)
    assert optimizer.param_groups[0]["lr"] == PEAK
