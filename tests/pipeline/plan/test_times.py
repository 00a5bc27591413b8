"""How long a plan says that its phases train, and where it says it knows that from."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from tests.pipeline.project import Project
from xtts_finetune.pipeline.plan.stage_records import read_phase_yaml, write_phase_yaml
from xtts_finetune.pipeline.plan.times import PlannedTimes, planned_times
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, QualityRecord, StepRecord


def measured(project: Project, phase: str, seconds: float, machine: str = "", clips: int = 3) -> None:
    """Records of a phase that took so many seconds a step: the first one, which loads, ten times as many."""
    folder = project.run_folder.candidate(phase)
    folder.path.mkdir(parents=True, exist_ok=True)
    here = {"machine": machine or platform.node(), "device": "cpu"}
    recorded = read_phase_yaml(folder) or {"inputs": {}, "declaration": {}, "started": ""}
    write_phase_yaml(folder, recorded["inputs"], recorded["declaration"], recorded["started"], ran_on=here)
    folder.metrics.unlink(missing_ok=True)
    with MetricsWriter(folder.metrics) as writer:
        writer.write(EvalRecord(0, 4.0, 0.03, 3.0, 1.0, 1000, 100, 30.0))
        for step in range(1, 6):
            took = seconds * (10 if step == 1 else 1)
            writer.write(StepRecord(step, step / 10, 1e-6, 4.0, 3.9, 3.0, 1.0, clips, took, 0.0))
        writer.write(QualityRecord(5, 12, 10, {}, 60.0))


def times(project: Project, *overrides: str) -> PlannedTimes:
    return planned_times(project.declaration(*overrides), project.plan(*overrides), "cpu")


SHORT = ("phase1.steps=1000", "phase1.eval_every_steps=100", "phase2.epochs=null", "phase2.steps=10")


def test_without_a_measured_step_it_is_an_estimate_and_says_so(project: Project) -> None:
    found = times(project, *SHORT)
    assert found.seconds["phase1"] > found.seconds["phase2"] > 0
    assert found.lines[0].startswith("Training takes about ") and "phase2 " in found.lines[0]
    assert found.lines[1].startswith("An estimate, as no step was measured on this machine's CPU yet: two cores")


def test_a_step_that_was_measured_here_counts(project: Project) -> None:
    measured(project, "phase1", 2.0)
    clips = project.declaration().phases["phase1"].batch_size * project.declaration().phases["phase1"].accumulate
    found = times(project, *SHORT)
    each = 2.0 * clips / 3
    assert found.seconds["phase1"] == pytest.approx(1000 * each + 10 * 30.0)
    assert found.lines[1] == "Measured: 2 s a step in phase1, on this machine's CPU."
    # Samples along the way are spoken at every second evaluation, and each time takes a minute.
    spoken = times(project, *SHORT, "phase1.utterances_every_evals=2")
    assert spoken.seconds["phase1"] - found.seconds["phase1"] == pytest.approx(5 * 60.0)


def test_what_another_machine_measured_does_not(project: Project) -> None:
    measured(project, "phase1", 2.0, machine="another one")
    assert times(project, *SHORT).lines[1].startswith("An estimate")


def test_an_earlier_run_beside_this_one_counts_too(project: Project, tmp_path: Path) -> None:
    measured(project, "phase1", 3.0)
    folder = project.run_folder.root
    folder.rename(folder.with_name("before"))
    assert times(project, *SHORT).lines[1] == "Measured: 3 s a step in phase1 of before, on this machine's CPU."


def test_a_phase_says_where_it_ran(finished: Project) -> None:
    recorded = read_phase_yaml(finished.run_folder.candidate("phase1"))
    assert recorded is not None and recorded["ran_on"] == {"machine": platform.node(), "device": "cpu"}
    assert times(finished).lines == [], "nothing is due"
    epochs = [finished.plan().stage(name).epochs for name in ("phase1", "phase2")]
    assert all(epochs), "a phase that is declared in steps has its passes in the table too"
