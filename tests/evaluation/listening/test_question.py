"""Which two are compared where none is named: never a model with itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.made_up_run import add_base, add_phase, declare
from xtts_finetune.evaluation.listening.question import best_two
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop

STOP = Stop(Reason.ALL_STEPS_DONE, "all 200 steps are done")


@pytest.mark.parametrize(
    ("phase1", "phase2", "resume", "expected"),
    [
        ((5.0, 3.5), (3.5, 2.6), {"phase": "phase1"}, ("phase1", "phase2")),
        # Best before its first step: phase2 is phase1's best model, or phase1 the base.
        ((5.0, 3.5), (3.5, 4.0), {"phase": "phase1"}, ("base", "phase1")),
        ((5.0, 3.5), (3.5, 4.0), None, ("base", "phase1")),
        ((5.0, 5.5), (5.0, 4.0), {"phase": "phase1"}, ("base", "phase2")),
        ((5.0, 5.5), (5.0, 5.5), {"phase": "phase1"}, ("base",)),
        # It started from another model than phase1's best.
        ((5.0, 3.5), (3.5, 4.0), {"phase": "phase1", "checkpoint": "step 100"}, ("phase1", "phase2")),
        ((5.0, 3.5), (3.5, 4.0), {"phase": "phase1", "checkpoint": "last"}, ("phase1", "phase2")),
        ((5.0, 3.5), (3.5, 4.0), {"checkpoint": "other.pth"}, ("phase1", "phase2")),
    ],
)
def test_a_phase_that_gained_nothing_is_not_compared_with_the_model_that_it_started_from(
    phase1: tuple[float, float],
    phase2: tuple[float, float],
    resume: dict[str, str] | None,
    expected: tuple[str, ...],
    tmp_path: Path,
) -> None:
    declaration = declare(tmp_path)
    spec = type(declaration.phases["phase2"]).model_validate(
        {**declaration.phases["phase2"].model_dump(exclude_unset=True), "resume_from": resume}
    )
    declaration.phases["phase2"] = spec
    run = RunFolder(declaration.run_folder)
    add_base(run)
    add_phase(run, "phase1", *phase1, 200, STOP)
    add_phase(run, "phase2", *phase2, 200, STOP)
    assert best_two(declaration, run, ("base", "phase1", "phase2")) == expected
