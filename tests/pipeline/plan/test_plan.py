"""What a plan says of a run's folder: what is to run, what is stale and why, what is up to date."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from tests.child import heavy_after
from tests.pipeline.project import Project, weights_file
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.plan_table import print_plan
from xtts_finetune.pipeline.plan.stage_records import differences

STAGES = [
    "data",
    "base",
    "base utterances",
    "phase1",
    "phase1 utterances",
    "phase2",
    "phase2 utterances",
    "decision",
    "report",
]


def due(project: Project, *overrides: str) -> list[str]:
    return [stage.name for stage in project.plan(*overrides).due]


def test_all_is_to_run_at_first_and_planning_writes_nothing(project: Project) -> None:
    plan = project.plan()
    assert [stage.name for stage in plan.stages] == STAGES
    assert {stage.state.value for stage in plan.stages} == {"to run"}
    assert not project.run_folder.root.exists()


def test_steps_are_known_once_the_clips_are_counted(project: Project, finished: Project) -> None:
    assert project.plan().stage("phase1").steps == 1000
    assert project.plan().stage("phase2").steps is None
    # 30 epochs of 35 training clips in batches of 3
    assert finished.plan().stage("phase2").steps == 350


def test_a_finished_run_is_up_to_date(finished: Project) -> None:
    assert due(finished) == []
    assert finished.plan().stage("phase1").why == "best mel_ce 3.000 at step 1000"


def test_a_finished_phase_names_the_steps_that_it_did_not_those_planned(finished: Project) -> None:
    file = finished.run_folder.candidate("phase2").model_info
    info = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**info, "steps": 217, "steps_planned": 350}), encoding="utf-8")
    printed = io.StringIO()
    print_plan(finished.plan(), Console(file=printed, width=200))
    row = next(line for line in printed.getvalue().splitlines() if "│ phase2  " in line)
    assert " of 217 " in row and "350" not in row


@pytest.mark.parametrize(
    ("override", "stale", "why"),
    [
        ("phase2.learning_rate=2e-6", "phase2", "learning_rate: 1e-06 -> 2e-06"),
        ("phase1.batch_size=4", "phase1", "batch_size: 3 -> 4"),
        ("phase1.stop_when[1].steps=300", "phase1", "stop_when.no_improvement.steps: 500 -> 300"),
        ("phase1.schedule.kind=cosine", "phase1", "schedule.kind: constant -> cosine"),
        ("phase2.train=[gpt,heads]", "phase2", 'train: all -> ["gpt", "heads"]'),
        ("phase2.train={lora: {rank: 4}}", "phase2", "train: all -> lora; train.lora.alpha: not set -> 16"),
        ("phase2.resume_from.checkpoint=best", "phase2", "starts from: phase1, step 500 -> phase1, best"),
        ("utterances.seeds=[3]", "base utterances", "utterances.seeds: [1, 2] -> [3]"),
        ("decision.rows[0].verdict=superb", "decision", "decision matrix changed"),
    ],
)
def test_a_changed_key_makes_its_stage_stale_and_is_named(
    finished: Project, override: str, stale: str, why: str
) -> None:
    first = finished.plan(override).due[0]
    assert (first.name, first.state.value) == (stale, "stale")
    assert why in first.why


def test_what_comes_after_a_stale_phase_is_stale_too(finished: Project) -> None:
    assert due(finished, "phase1.learning_rate=1e-6") == STAGES[3:]
    assert due(finished, "phase2.learning_rate=2e-6") == STAGES[5:]


@pytest.mark.parametrize(
    "override", ["phase1.goal=another", "phase2.success.minimum.mel_ce=2.5", "phase1.success.good.mel_ce=3"]
)
def test_goal_and_success_levels_need_no_training(finished: Project, override: str) -> None:
    assert due(finished, override) == ["report"]


def test_changed_texts_make_the_data_stale_and_all_that_is_made_of_it(finished: Project) -> None:
    (finished.folder / "data/first/metadata.csv").write_text("a|Goodbye.|Goodbye.\n", encoding="utf-8")
    plan = finished.plan()
    assert "first: texts" in plan.stage("data").why
    assert [stage.name for stage in plan.due] == STAGES
    assert not plan.stage("phase1").certain


def test_another_base_makes_everything_stale(finished: Project) -> None:
    (finished.folder / "base/model.pth").write_bytes(b"other weights" * 1000)
    states = finished.states()
    assert states["phase1"] == "stale: base changed"
    assert states["base"] == "stale: base changed"


def test_a_file_to_start_from_counts_by_its_content(finished: Project, tmp_path: Path) -> None:
    first, second = tmp_path / "a.pth", tmp_path / "b.pth"
    first.write_bytes(weights_file("one"))
    second.write_bytes(weights_file("two"))
    settings = ["phase2.resume_from.phase=null", f"phase2.resume_from.checkpoint={first}"]
    finished.run(*settings)
    assert due(finished, *settings) == []
    first.write_bytes(weights_file("changed"))
    assert finished.plan(*settings).stage("phase2").why == "starting checkpoint changed"
    assert due(finished, settings[0], f"phase2.resume_from.checkpoint={second}") == STAGES[5:]


def test_a_lost_model_is_trained_again(finished: Project) -> None:
    finished.run_folder.candidate("phase1").best_model.unlink()
    assert finished.states()["phase1"] == "stale: best_model.pth is gone"


def test_lost_utterances_are_spoken_again(finished: Project) -> None:
    next(finished.run_folder.candidate("phase1").utterances.glob("*.wav")).unlink()
    assert due(finished)[0] == "phase1 utterances"


def test_an_unfinished_phase_goes_on(finished: Project) -> None:
    folder = finished.run_folder.candidate("phase2")
    folder.model_info.unlink()
    stage = finished.plan().stage("phase2")
    assert (stage.state.value, stage.why, stage.resumes_at) == ("to run", "continues from step 1000", 1000)


def test_a_phase_whose_source_is_not_complete_is_refused(project: Project, finished: Project) -> None:
    with pytest.raises(UserError, match=r"from phase1, which is not complete; run this first:\n  run_pipeline phase1"):
        project.plan(wanted=["phase2"])
    with pytest.raises(UserError, match=r"phase1, which is out of date \(learning_rate: 5e-06 -> 1e-06\)"):
        finished.plan("phase1.learning_rate=1e-6", wanted=["phase2"])
    assert [stage.name for stage in finished.plan(wanted=["phase2"]).stages if stage.kind == "phase"] == ["phase2"]


def test_a_checkpoint_that_was_not_kept_is_refused(finished: Project) -> None:
    later = "phase2.resume_from.checkpoint=step 700"
    with pytest.raises(UserError, match="phase1 has no checkpoint of step 700; choose 'best', 'last', 'step 500'"):
        finished.plan(later)
    # Training phase1 itself is the cure and must not be refused.
    assert finished.plan(later, wanted=["phase1"]).stage("phase1").state.value == "up to date"


def test_an_unknown_phase(project: Project) -> None:
    with pytest.raises(UserError, match="unknown phase 'phas2'; did you mean 'phase2'"):
        project.plan(wanted=["phas2"])


def test_phase_yaml_is_the_declaration_as_it_was_run(finished: Project) -> None:
    record = yaml.safe_load(finished.run_folder.candidate("phase2").phase_yaml.read_text(encoding="utf-8"))
    assert record["declaration"]["learning_rate"] == 1e-6
    assert record["inputs"]["starts from"] == "phase1, step 500"
    assert {"files base", "files clips", "files phase1"} <= set(record["inputs"])


def test_disk_is_asked_for_before_the_start(project: Project) -> None:
    plan = project.plan()
    weights = len(weights_file())
    # The best models of two phases, and one that is being written. Files as small as these hold nothing that is
    # trained, so checkpoints take nothing: see test_disk for those.
    assert (plan.disk.stays, plan.disk.peak) == (2 * weights, 3 * weights)


def test_what_is_on_the_disk_already_is_not_asked_for_again(project: Project) -> None:
    folder = project.run_folder.candidate("phase1")
    folder.path.mkdir(parents=True)
    fresh = project.plan().disk.peak
    folder.best_model_of(0).write_bytes(bytes(3000))
    folder.best_model.hardlink_to(folder.best_model_of(0))
    assert project.plan().disk.peak == fresh - 3000


def test_planning_needs_no_torch(finished: Project) -> None:
    code = (
        "import sys; from pathlib import Path; from xtts_finetune.pipeline.plan.plan import make_plan\n"
        "from xtts_finetune.spec.declaration import load_declaration\n"
        "assert make_plan(load_declaration(Path(sys.argv[1]))).due == ()"
    )
    assert not heavy_after(code, finished.file) & {"torch", "TTS", "librosa", "matplotlib"}


def test_a_long_value_is_told_by_what_differs() -> None:
    few = [{"id": "short", "text": "Good evening to you all, and welcome to the quiz."}]
    many = [*few, *({"id": f"more-{number}", "text": "And another line."} for number in range(3))]
    assert differences({"sentences": few}, {"sentences": many}) == ["sentences: 3 added"]
    assert differences({"sentences": many}, {"sentences": few}) == ["sentences: 3 removed"]
    reworded = [{**few[0], "text": "Something else, of a good length as well, is said."}, *many[1:3]]
    assert differences({"sentences": many}, {"sentences": reworded}) == ["sentences: 1 removed, 1 changed"]
    assert differences({"sentences": many}, {"sentences": many[::-1]}) == ["sentences: in another order"]
    (told,) = differences({"path": "a" * 100 + "b"}, {"path": "a" * 100 + "c"})
    before, after = told.removeprefix("path: ").split(" -> ")
    assert before.endswith("aab") and after.endswith("aac")
