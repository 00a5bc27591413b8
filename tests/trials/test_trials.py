"""Trials: trained a stretch at a time by the ordinary child, whatever happens in between."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.pipeline.project import fake_child
from tests.training.conftest import declaration_of, run_of
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.lock import run_lock
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.records.holders import read_holder
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CHILD_LOCK
from xtts_finetune.trials.advance import advance, outcome_at, release
from xtts_finetune.trials.trial import Trial

PHASE = {
    "learning_rate": 1e-3,
    "schedule": {"kind": "cosine", "warmup_steps": 1},
    "steps": 6,
    "eval_every_steps": 2,
    "checkpoint_every": {"steps": 100},
    "batch_size": 2,
    "precision": "fp32",
}


def work_on(project: Path) -> Work:
    console = Console(file=io.StringIO(), width=200)
    return Work(declaration_of(project), (), "cpu", console, "xtts-finetune solve phase1 --race")


def trial_in(project: Path, name: str = "once", **changes: object) -> Trial:
    folder = run_of(project).race("phase1").trial(name)
    return Trial(name, folder, PHASE | changes)


def history(trial: Trial) -> list[tuple[int, float]]:
    metrics = read_metrics(trial.candidate.metrics)
    return [(r.step, r.mel_ce) for r in metrics.steps] + [(r.step, r.mel_ce) for r in metrics.evals]


def weights(file: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(file, weights_only=True)["model"])


@pytest.fixture(scope="module")
def whole(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A trial that was trained without a pause."""
    project = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("whole") / "project"))
    trial = trial_in(project)
    assert advance(work_on(project), trial, 6).status == "done"
    return trial


def test_neither_pauses_nor_moves_nor_lost_checkpoints_change_what_is_trained(
    whole: Trial, project: Path, tmp_path: Path
) -> None:
    trial = trial_in(project)
    first = advance(work_on(project), trial, 2)
    assert (first.step, first.status, first.reason, first.clips) == (2, "paused", "paused", 4)
    assert trial.candidate.recorded_steps() == [2]
    info = json.loads(trial.candidate.model_info.read_text(encoding="utf-8"))
    assert (info["status"], info["steps_planned"]) == ("interrupted", 6)
    assert "paused for a comparison" in trial.candidate.stopping_reason.read_text(encoding="utf-8")

    moved = Path(shutil.move(project, tmp_path / "seen from another machine"))
    trial, work = trial_in(moved), work_on(moved)
    assert advance(work, trial, 4).step == 4
    assert "continuing from step 2" in work.console.file.getvalue()  # type: ignore[attr-defined]

    release(trial)
    assert trial.candidate.recorded_steps() == []
    assert trial.candidate.best_model.is_file()
    no_child = replace(work, child_command=lambda *_: pytest.fail("a child was started"))
    assert advance(no_child, trial, 4).step == 4, "what it is compared by is still on record"

    last = advance(work, trial, 6)
    assert (last.status, last.reason) == ("done", "all_steps_done")
    assert history(trial) == history(whole)
    ours, theirs = (weights(t.candidate.checkpoint(6)) for t in (trial, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_worker_that_only_looks_is_waited_for(tmp_path: Path) -> None:
    trial = Trial("trial000", tmp_path / "trial000", {})
    looking = threading.Event()

    def look() -> None:
        with run_lock(trial.folder):
            looking.set()
            time.sleep(0.3)

    with ThreadPoolExecutor(1) as pool:
        looked = pool.submit(look)
        looking.wait()
        release(trial)
        looked.result()


def test_another_declaration_begins_anew(project: Path) -> None:
    work = replace(work_on(project), child_command=fake_child)
    advance(work, trial_in(project), 6)
    advance(work, trial_in(project, learning_rate=2e-3), 6)
    printed = work.console.file.getvalue()  # type: ignore[attr-defined]
    assert "learning_rate: 0.001 -> 0.002" in printed
    assert "is now the earlier try" in printed


def test_nothing_of_the_run_that_it_belongs_to_is_written(whole: Trial) -> None:
    run = whole.folder.parents[2]
    assert sorted(path.name for path in run.iterdir() if path.name != "cache") == [
        "clips.jsonl", "data.json", "dropped.jsonl", "eval_set.json", "remedies",
    ]  # fmt: skip
    assert not (whole.folder / "cache").exists()


def test_what_has_been_reached_is_read_not_trained_again(whole: Trial) -> None:
    project = whole.folder.parents[4]
    work = replace(work_on(project), child_command=lambda *_: pytest.fail("a child was started"))
    end = advance(work, whole, 6)
    earlier = advance(work, whole, 2)
    assert earlier == outcome_at(whole, 2)
    assert (earlier.step, earlier.status, earlier.reason) == (2, "paused", "")
    assert [point.step for point in earlier.points] == [0, 2]
    assert earlier.best == earlier.points[1]
    assert end.best is not None
    assert end.best.mel_ce == min(point.mel_ce for point in end.points[1:])
    assert 0 < earlier.seconds < end.seconds


def test_a_killed_child_is_an_outcome_and_the_next_call_goes_on(whole: Trial, project: Path) -> None:
    trial = trial_in(project, checkpoint_every={"steps": 1})

    def kill() -> None:
        while not trial.candidate.checkpoint_record(3).is_file():
            time.sleep(0.005)
        holder = read_holder(trial.folder, CHILD_LOCK)
        if holder is not None:
            os.kill(holder.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    outcome = advance(work_on(project), trial, 6)
    killer.join()
    assert (outcome.status, outcome.reason) == ("failed", "killed")
    assert 3 <= outcome.step < 6
    assert advance(work_on(project), trial, 6).status == "done"
    assert history(trial) == history(whole)


def test_it_starts_from_a_checkpoint_with_its_moments(trained: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(trained, tmp_path / "project"))
    phase1 = run_of(project).candidate("phase1")
    trial = replace(trial_in(project, steps=2), checkpoint=phase1.checkpoint(6), optimizer="keep")
    outcome = advance(work_on(project), trial, 2)
    at_the_end = read_metrics(phase1.metrics).evals[-1]
    assert outcome.start is not None
    assert outcome.start.mel_ce == pytest.approx(at_the_end.mel_ce, abs=1e-6)
    state = torch.load(trial.candidate.checkpoint(2), weights_only=True)["optimizer"][0]["state"]
    assert {int(moments["step"]) for moments in state.values()} == {8}


def test_clips_that_are_not_prepared_are_said(project: Path) -> None:
    run_of(project).data_info.unlink()
    with pytest.raises(UserError, match="the clips are not prepared"):
        advance(work_on(project), trial_in(project), 2)


def test_a_value_that_is_wrong_is_said_with_its_file(project: Path) -> None:
    with pytest.raises(UserError, match=r"phases/once\.yaml.*batch_size"):
        advance(work_on(project), trial_in(project, batch_size=0), 2)
