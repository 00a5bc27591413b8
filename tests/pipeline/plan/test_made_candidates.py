"""Made candidates in the plan: after what they are made of, anew when that changes, and never before."""

from __future__ import annotations

import pytest

from tests.pipeline.project import Project
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.run import speak_now

LISTED = "read: phase2\ncandidates:\n  - phase1\n  - phase2\n  - {name: mean, average: [phase1, phase2]}\n"


@pytest.fixture
def averaging(project: Project) -> Project:
    matrix = project.folder / "eval" / "decision_matrix.yaml"
    text = matrix.read_text(encoding="utf-8")
    matrix.write_text(text.replace("read: phase2\n", LISTED), encoding="utf-8")
    return project


def test_it_comes_after_its_parts_and_is_made_once(averaging: Project) -> None:
    plan = averaging.plan()
    assert [stage.name for stage in plan.stages[-4:]] == ["mean", "mean utterances", "decision", "report"]
    assert plan.stage("mean").why == "after phase2"
    averaging.run()
    assert averaging.started.count("candidate") == 1
    assert set(averaging.states().values()) == {"up to date"}
    assert "Everything is up to date" in averaging.run()


def test_it_is_made_anew_when_a_part_or_its_own_declaration_changes(averaging: Project) -> None:
    averaging.run()
    matrix = averaging.folder / "eval" / "decision_matrix.yaml"
    text = matrix.read_text(encoding="utf-8")
    matrix.write_text(text.replace("[phase1, phase2]}", "[phase1, phase2], weights: [1, 3]}"), encoding="utf-8")
    assert averaging.states()["mean"] == "stale: weights: [] -> [1.0, 3.0]"
    assert averaging.states()["phase2"] == "up to date"
    matrix.write_text(text, encoding="utf-8")
    assert averaging.states("phase2.learning_rate=2e-6")["mean"] == "stale: after phase2"
    averaging.run("phase2.learning_rate=2e-6")
    assert averaging.started.count("candidate") == 1


def test_it_waits_for_phases_that_were_not_asked_for(averaging: Project) -> None:
    assert "mean" not in averaging.states(wanted=["phase1"])
    averaging.run(wanted=["phase1"])
    assert "candidate" not in averaging.started
    averaging.run(wanted=["phase2"])
    assert averaging.states()["mean"] == "up to date"


def test_it_is_made_again_where_its_model_is_gone(averaging: Project) -> None:
    averaging.run()
    averaging.run_folder.candidate("mean").best_model.unlink()
    stage = averaging.plan().stage("mean")
    assert (stage.state.value, stage.why) == ("to run", "its files are gone")


def test_a_phase_that_is_no_candidate_trains_and_does_not_speak(project: Project) -> None:
    matrix = project.folder / "eval" / "decision_matrix.yaml"
    text = matrix.read_text(encoding="utf-8").replace("ship: phase1", "ship: base")
    matrix.write_text(text.replace("read: phase2\n", "read: phase2\ncandidates: [phase2]\n"), encoding="utf-8")
    states = project.states()
    assert "phase1" in states and "phase1 utterances" not in states and "phase2 utterances" in states
    project.run()
    assert set(project.states().values()) == {"up to date"}


def test_one_that_is_not_made_cannot_speak(averaging: Project) -> None:
    averaging.run(wanted=["phase1"])
    work = averaging.work()
    with pytest.raises(UserError, match="mean is not made with the values in your config now; run this first"):
        speak_now(work, ["mean"])
    with pytest.raises(UserError, match=r"unknown candidate 'means'; did you mean 'mean'\?"):
        speak_now(work, ["means"])
