"""The learning rate at chosen steps, and through torch's scheduler."""

from __future__ import annotations

import pytest
import torch

from xtts_finetune.spec.phase import ScheduleSpec
from xtts_finetune.training.schedule import factor, make_schedule


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        (ScheduleSpec(), 0, 1.0),
        (ScheduleSpec(), 999, 1.0),
        (ScheduleSpec(warmup_steps=4), 0, 0.2),
        (ScheduleSpec(warmup_steps=4), 3, 0.8),
        (ScheduleSpec(warmup_steps=4), 4, 1.0),
        (ScheduleSpec(kind="linear"), 0, 1.0),
        (ScheduleSpec(kind="linear"), 50, 0.5),
        (ScheduleSpec(kind="linear"), 100, 0.0),
        (ScheduleSpec(kind="linear", minimum=0.2), 50, 0.6),
        (ScheduleSpec(kind="cosine"), 50, 0.5),
        (ScheduleSpec(kind="cosine"), 25, 0.853553),
        (ScheduleSpec(kind="cosine", minimum=0.1), 100, 0.1),
        (ScheduleSpec(kind="cosine", minimum=0.1), 500, 0.1),  # beyond the plan
    ],
)
def test_factor(schedule: ScheduleSpec, step: int, expected: float) -> None:
    assert factor(schedule, step, total_steps=101) == pytest.approx(expected, abs=1e-6)


def test_the_scheduler_follows_the_factor_step_by_step_and_after_a_resume() -> None:
    schedule = ScheduleSpec(kind="cosine", warmup_steps=3, minimum=0.1)

    def made() -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
        optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))], lr=2e-6)
        return optimizer, make_schedule(optimizer, schedule, 20)

    optimizer, scheduler = made()
    for step in range(20):
        if step == 11:
            state = optimizer.state_dict(), scheduler.state_dict()
            optimizer, scheduler = made()
            optimizer.load_state_dict(state[0])
            scheduler.load_state_dict(state[1])
        assert optimizer.param_groups[0]["lr"] == pytest.approx(2e-6 * factor(schedule, step, 20))
        optimizer.step()
        scheduler.step()
