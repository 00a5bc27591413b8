"""What stays on the disk of what a phase writes, also when there is no room for it."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from xtts_finetune.records.candidates.checkpoints import check_whole, read_checkpoint_records
from xtts_finetune.records.metrics import EvalRecord
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.sources import KeptStep
from xtts_finetune.training.saving import clear_best_models, clear_checkpoints, save_best, save_checkpoint


def state(step: int) -> dict[str, object]:
    weights = {"xtts.gpt.w": torch.full((100,), float(step))}
    return {"model": weights, "step": step, "optimizer": [{"state": {}}], "scheduler": [{}], "scaler": None}


def evaluation(step: int, mel_ce: float) -> EvalRecord:
    return EvalRecord(step, mel_ce, 0.03, 3.0, 1.0, 1000, 100, 0.1)


@pytest.fixture
def folder(tmp_path: Path) -> CandidateFolder:
    return CandidateFolder(tmp_path / "phase1")


def test_a_checkpoint_has_its_record_and_is_what_it_says(folder: CandidateFolder) -> None:
    save_checkpoint(folder, state(500), regular=True)
    (record,) = read_checkpoint_records(folder)
    check_whole(folder, record)
    assert (record.step, record.resumes, record.regular) == (500, True, True)
    assert record.bytes == folder.checkpoint(500).stat().st_size
    assert torch.load(folder.checkpoint(500), weights_only=True)["step"] == 500


def test_the_same_step_is_not_written_twice(folder: CandidateFolder) -> None:
    save_checkpoint(folder, state(500), regular=True)
    before = folder.checkpoint(500).stat().st_mtime_ns
    save_checkpoint(folder, state(500), regular=False)
    assert folder.checkpoint(500).stat().st_mtime_ns == before


def test_an_ephemeral_checkpoint_goes_with_the_next_one(folder: CandidateFolder) -> None:
    there = []
    for step, regular in ((500, True), (730, False), (1000, True), (1100, False)):
        save_checkpoint(folder, state(step), regular)
        clear_checkpoints(folder, keep=2, needed=[])
        there.append([found for found, _ in folder.checkpoints()])
    assert there == [[500], [500, 730], [500, 1000], [1000, 1100]]


def test_a_checkpoint_that_a_later_phase_needs_is_slimmed_and_stays_whole(folder: CandidateFolder) -> None:
    for step in (500, 1000, 1500):
        save_checkpoint(folder, state(step), regular=True)
        clear_checkpoints(folder, keep=1, needed=[KeptStep(500, False), KeptStep(1000, True)])
    records = read_checkpoint_records(folder)
    assert [(record.step, record.resumes) for record in records] == [(500, False), (1000, True), (1500, True)]
    for record in records:
        check_whole(folder, record)
    assert torch.load(folder.checkpoint(500), weights_only=True)["optimizer"] is None


def save_bests(folder: CandidateFolder, mel_ces: list[float], keep: int) -> list[list[int]]:
    """Save as a phase does after each evaluation, every 100 steps; the steps of the models that are there."""
    there, evals = [], []
    for number, mel_ce in enumerate(mel_ces):
        evals.append(evaluation(100 * number, mel_ce))
        save_best(folder, state(100 * number), evals, keep)
        there.append([step for step, _ in folder.best_models()])
    return there


def best(folder: CandidateFolder) -> int:
    return int(torch.load(folder.best_model, weights_only=True)["step"])


def test_the_best_model_replaces_the_one_before_it(folder: CandidateFolder) -> None:
    assert save_bests(folder, [4.0, 3.5, 3.6, 3.4, float("nan")], keep=1) == [[0], [100], [100], [300], [300]]
    assert best(folder) == 300
    assert torch.load(folder.best_model, weights_only=True)["optimizer"] is None


def test_as_many_best_models_stay_as_are_asked_for(folder: CandidateFolder) -> None:
    there = save_bests(folder, [4.0, 3.5, 3.6, 3.7, 3.4], keep=2)
    assert there == [[0], [0, 100], [100, 200], [100, 200], [100, 400]]
    assert best(folder) == 400


def test_a_best_model_that_a_resume_has_still_to_reach_stays_until_then(folder: CandidateFolder) -> None:
    save_bests(folder, [4.0, 3.9, 3.8, 3.2], keep=1)
    again = [
        evaluation(0, 4.0),
        evaluation(100, 3.9),
    ]  # going on from step 100: 200 and 300 are to come again
    save_best(folder, state(100), again, keep=1)
    assert [step for step, _ in folder.best_models()] == [100, 300]
    again += [evaluation(200, 3.8), evaluation(300, 3.2)]
    save_best(folder, state(300), again, keep=1)
    assert [step for step, _ in folder.best_models()] == [300]
    assert best(folder) == 300


def test_a_best_model_that_is_never_reached_again_goes_at_the_end(folder: CandidateFolder) -> None:
    save_bests(folder, [4.0, 3.9, 3.8, 3.2], keep=1)
    again = [evaluation(0, 4.0), evaluation(100, 3.9)]
    save_best(folder, state(100), again, keep=1)
    folder.best_model.unlink()
    folder.best_model.hardlink_to(folder.best_model_of(300))
    clear_best_models(folder, again, keep=1, ended=True)
    assert [step for step, _ in folder.best_models()] == [100]
    assert best(folder) == 100


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_the_last_checkpoint_whole_and_nothing_half_written(small_disk: Path) -> None:
    folder = CandidateFolder(small_disk / "phase1")
    save_checkpoint(folder, state(500), regular=True)
    large = {**state(1000), "model": {"xtts.gpt.w": torch.zeros(300_000)}}
    with pytest.raises(OSError) as error:
        save_checkpoint(folder, large, regular=True)
    assert error.value.errno == errno.ENOSPC
    (record,) = read_checkpoint_records(folder)
    check_whole(folder, record)
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "checkpoint_500.json",
        "checkpoint_500.pth",
    ]
