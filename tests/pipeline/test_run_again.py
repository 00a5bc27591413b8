"""A run on what is there already: damaged, left by killed processes, or to be forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.project import Project
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline import run
from xtts_finetune.pipeline.children.lock import child_lock
from xtts_finetune.pipeline.plan import plan
from xtts_finetune.pipeline.plan.checks import preflight
from xtts_finetune.pipeline.plan.checks.check import Check, error, warning
from xtts_finetune.pipeline.plan.stages import State
from xtts_finetune.records.candidates.closing import read_model_info

NOBODY = 4194999  # above every process number


def test_fresh_is_planned_as_if_nothing_was_done(finished: Project) -> None:
    planned = plan.make_plan(finished.declaration(), ["phase2"], fresh=True)
    assert planned.stage("phase2").state is State.TO_RUN
    assert planned.stage("phase2").resumes_at is None
    assert not planned.stage("data").due
    assert planned.disk.peak > 0


def test_fresh_removes_nothing_when_a_check_finds_an_error(finished: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> list[Check]:
        return [error("device", "no GPU", "buy one")]

    monkeypatch.setattr(preflight, "quick_checks", refuse)
    with pytest.raises(UserError, match="no GPU; buy one"):
        finished.run(fresh=True)
    assert finished.run_folder.candidate("phase1").best_model.is_file()


def test_a_run_that_the_disk_has_no_room_for_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "free_bytes", lambda _: 100)
    with pytest.raises(UserError, match=r"about \d+ kB needed at the peak, 100 bytes free"):
        project.run()
    assert not project.run_folder.root.exists()


def test_a_warning_is_said_and_stops_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "quick_checks", lambda *_: [warning("device", "the CPU", "use a GPU")])
    assert "warning: device: the CPU; use a GPU" in project.run()


@pytest.mark.parametrize("name", ["phase.yaml", "model_info.json", "metrics.jsonl", "RECORD.md"])
@pytest.mark.parametrize("content", [b"\xff\xfe", b"{}"])
def test_fresh_is_a_way_out_of_every_damaged_record(finished: Project, name: str, content: bytes) -> None:
    folder = finished.run_folder.candidate("phase2")
    (folder.path / name).write_bytes(content)
    finished.run(wanted=["phase2"], fresh=True)
    assert finished.started == ["phase2", "utterances"]
    assert (read_model_info(folder) or {})["status"] == "done"


@pytest.mark.parametrize("reason", [None, {}, {"name": "of a later version"}, "text"])
def test_a_closing_record_of_another_version_is_named(finished: Project, reason: object) -> None:
    file = finished.run_folder.candidate("phase1").model_info
    info = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**info, "reason": reason}), encoding="utf-8")
    with pytest.raises(UserError, match=r"model_info.json: damaged.*run_pipeline phase1 --fresh"):
        finished.run()


def test_a_record_that_was_edited_in_another_encoding_is_written_anew(finished: Project) -> None:
    record = finished.run_folder.candidate("phase1").record
    before = record.read_bytes()
    record.write_bytes(before + b"\xfc")
    finished.run()
    assert record.read_bytes() == before


def leftover(project: Project) -> Path:
    file = project.run_folder.candidate("phase1").path / f".checkpoint_5.pth.{NOBODY}.tmp"
    file.write_bytes(b"half")
    return file


def test_what_a_killed_process_left_goes_though_no_child_starts(finished: Project) -> None:
    half = leftover(finished)
    finished.run()
    assert finished.started == []
    assert not half.exists()


def test_it_stays_while_a_child_is_still_ending(finished: Project) -> None:
    half = leftover(finished)
    with child_lock(finished.run_folder.root, print):
        finished.run()
    assert half.exists()


def test_deciding_again_names_the_decision_in_each_record(finished: Project) -> None:
    record = finished.run_folder.candidate("phase1").record
    finished.run_folder.decision.unlink()
    run.report_now(finished.work())
    assert "Not decided yet." in record.read_text(encoding="utf-8")
    run.decide_now(finished.work())
    assert "nobody has listened yet" in record.read_text(encoding="utf-8")


def test_a_stale_phase_keeps_its_best_model_beside_the_new_one(finished: Project) -> None:
    before = finished.plan("phase2.learning_rate=2e-6").disk.peak
    with finished.run_folder.candidate("phase2").best_model.open("ab") as model:
        model.write(bytes(3000))
    assert finished.plan("phase2.learning_rate=2e-6").disk.peak == before
