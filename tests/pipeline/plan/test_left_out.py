"""A candidate whose file is gone or broken, or that cannot be made, is left out by name; the others are decided on."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from rich.console import Console

from tests.pipeline.fake_base import CONFIG, TOKENS, model_file
from tests.pipeline.project import Project
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.plan_table import print_plan
from xtts_finetune.pipeline.run import decide_now, report_now, speak_now
from xtts_finetune.xtts.weights.gpt_shapes import gpt_shapes, sizes_of_config

LISTED = """\
read: other
candidates:
  - phase1
  - phase2
  - {name: other, checkpoint: ../other.pth}
  - {name: mean, average: [phase1, other]}
rows:
  - {mel_ce: {below: 9}, ship: other, verdict: the other is better}
  - {ship: phase2, verdict: ours is better}
"""
FOLDER = b"a folder"


def not_a_number(model: bytes) -> bytes:
    """The model with NaN for all its weights, packed as a right one."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(model)) as whole, zipfile.ZipFile(made, "w") as archive:
        for name in whole.namelist():
            content = whole.read(name)
            archive.writestr(name, b"\0\0\xc0\x7f" * (len(content) // 4) if name.endswith("data/0") else content)
    return made.getvalue()


SHAPES = gpt_shapes(sizes_of_config(CONFIG, len(TOKENS)))
BROKEN = {
    "gone": None,
    "cut": model_file(SHAPES)[:3000],
    "no weights": b"<html>not found</html>",
    "another model": model_file({"conv.weight": (3, 3)}),
    "not a number": not_a_number(model_file(SHAPES)),
    "a folder": FOLDER,
}


@pytest.fixture
def project(project: Project) -> Project:
    (project.folder / "eval" / "decision_matrix.yaml").write_text(LISTED, encoding="utf-8")
    put(project, model_file(SHAPES))
    return project


def put(project: Project, content: bytes | None) -> Path:
    file = project.folder / "other.pth"
    if file.is_dir():
        file.rmdir()
    file.unlink(missing_ok=True)
    if content == FOLDER:
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    return file


def decision(project: Project) -> dict:
    return json.loads(project.run_folder.decision.read_text(encoding="utf-8"))


def report(project: Project) -> str:
    return project.run_folder.report.read_text(encoding="utf-8")


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_it_is_found_before_anything_is_started(project: Project, content: bytes | None) -> None:
    file = put(project, content)
    plan = project.plan()
    assert str(file) in plan.stage("other").why
    assert (plan.stage("other").state.value, plan.stage("mean").state.value) == ("left out", "left out")
    assert "other utterances" not in [stage.name for stage in plan.stages]


def test_numbers_that_are_none_are_found_in_a_file_that_replaces_one_too_and_the_rest_goes_ahead(
    project: Project,
) -> None:
    printed = project.run()
    assert "other: reading its file and evaluating it" in printed
    assert "mean: making it of others and evaluating it" in printed
    file = put(project, BROKEN["not a number"])
    assert "NaN" in project.plan().stage("other").why
    printed = project.run()
    assert "warning: candidate other: left out: " in printed
    assert "warning: candidate mean: left out: it is an average of other" in printed
    assert "candidate" not in project.started
    decided = decision(project)
    assert decided["ship"] == "phase2"
    assert [each["name"] for each in decided["candidates"]] == ["base", "phase1", "phase2"]
    why = "\n".join(decided["why"])
    assert "other is left out: " in why and str(file) in why
    assert "the matrix is read for the last phase in its place" in why
    assert "row 1 of the matrix, which ships it, does not count" in why
    assert "other is left out" in report(project)
    assert {stage.state.value for stage in project.plan().stages} == {"up to date", "left out"}
    assert "Everything is up to date" in project.run()


def test_the_plan_says_what_it_means(project: Project) -> None:
    put(project, None)
    console = Console(file=io.StringIO(), width=200)
    print_plan(project.plan(), console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "left out" in printed
    assert "other: the matrix is read for the last phase in its place, and row 1 of the matrix" in printed


def test_once_the_file_can_be_used_it_is_made_and_decided_on(project: Project) -> None:
    put(project, BROKEN["cut"])
    project.run()
    assert decision(project)["ship"] == "phase2"
    put(project, model_file(SHAPES))
    assert project.states()["other"] == "to run"
    project.run()
    assert project.started.count("candidate") == 2
    assert decision(project)["ship"] == "other"
    assert "left_out" not in decision(project)["inputs"]


def test_what_was_made_of_a_file_stays_when_the_file_is_gone(project: Project) -> None:
    project.run()
    put(project, None)
    assert set(project.states().values()) == {"up to date"}
    put(project, BROKEN["cut"])
    assert project.states()["other"] == "left out"
    project.run()
    assert decision(project)["ship"] == "phase2"


@pytest.mark.parametrize(("told", "lasting"), [("wrong input", True), ("fails with a record", False)])
def test_one_that_cannot_be_made_does_not_block_the_decision(project: Project, told: str, lasting: bool) -> None:
    project.tell(candidate=told)
    printed = project.run()
    assert "warning: other is left out: " in printed
    assert decision(project)["ship"] == "phase2"
    assert "other is left out" in report(project)
    assert project.states()["other"] == ("left out" if lasting else "to run")
    project.tell()
    printed = project.run()
    if lasting:
        assert "Everything is up to date" in printed and "other is left out" in printed
        put(project, model_file({**SHAPES, "mel_stats": (80,)}))
        project.run()
    assert decision(project)["ship"] == "other"
    assert set(project.states().values()) == {"up to date"}


def test_a_failure_that_repeats_ends_each_time_with_a_decision(project: Project) -> None:
    project.tell(candidate="fails with a record")
    for _ in range(2):
        project.run()
        assert project.started.count("candidate") == 1, "the average is not tried without its part"
        assert decision(project)["ship"] == "phase2"


def test_single_commands_say_the_same(project: Project) -> None:
    project.run()
    put(project, BROKEN["no weights"])
    decide_now(project.work())
    assert decision(project)["ship"] == "phase2"
    report_now(project.work())
    with pytest.raises(UserError, match=r"other is left out: .*other\.pth"):
        speak_now(project.work(), ["other"])
    work = project.work()
    speak_now(work, [])
    assert "other is left out: " in work.console.file.getvalue()  # type: ignore[attr-defined]
