"""Saving beside training: the same files as without, whole before a phase ends, and no error is lost."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import run_of, train
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.training import phase_trainer, saves
from xtts_finetune.training.saves import Saves, on_the_host
from xtts_finetune.xtts.state import read_checkpoint


def test_what_is_written_is_what_was_there_when_it_was_handed_over() -> None:
    weight, go = torch.zeros(4), threading.Event()
    written: list[Any] = []

    def write(state: dict[str, Any]) -> None:
        assert go.wait(10)
        written.append(state)

    beside = Saves(beside=True)
    beside.do({"model": {"w": weight}, "optimizer": [{"state": {0: (weight, 1)}}], "step": 3}, write)
    weight += 1  # training goes on
    go.set()
    beside.wait()
    (state,) = written
    assert torch.equal(state["model"]["w"], torch.zeros(4))
    assert torch.equal(state["optimizer"][0]["state"][0][0], torch.zeros(4))
    assert (state["step"], state["optimizer"][0]["state"][0][1]) == (3, 1)


def test_one_at_a_time_and_in_their_order() -> None:
    order: list[int] = []
    beside = Saves(beside=True)
    for number in range(5):
        beside.do({}, lambda _, number=number: order.append(number))
    beside.wait()
    assert order == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("ended_by", ["do", "wait"])
def test_an_error_is_raised_where_the_next_one_waits_and_once(ended_by: str) -> None:
    def fail(state: dict[str, Any]) -> None:
        raise OSError(28, "No space left on device")

    beside = Saves(beside=True)
    beside.do({}, fail)
    with pytest.raises(OSError, match="No space left"):
        beside.wait() if ended_by == "wait" else beside.do({}, lambda _: None)
    beside.wait()


def test_without_room_for_a_copy_it_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saves, "SPARE", 1e30)
    weight, got = torch.zeros(4), []
    Saves(beside=True).do({"w": weight}, lambda state: got.append(state["w"]))
    assert got[0] is weight


def test_a_copy_keeps_the_kinds_of_what_is_around_the_tensors() -> None:
    state = {"groups": [{"betas": (0.9, 0.96), "params": [0, 1]}], "none": None, "w": torch.ones(2)}
    copied = on_the_host(state)
    assert copied["groups"] == state["groups"]
    assert type(copied["groups"][0]["betas"]) is tuple
    assert copied["w"] is not state["w"]


def test_a_phase_saved_beside_its_training_is_the_same_phase(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, beside = (Path(shutil.copytree(prepared, tmp_path / name)) for name in ("at_once", "beside"))
    train(at_once, "phase1")
    monkeypatch.setattr(phase_trainer, "Saves", lambda beside: Saves(beside=True))
    for stop_at in (3, None):
        train(beside, "phase1", stop_at=stop_at)
    ours, theirs = (run_of(folder).candidate("phase1") for folder in (beside, at_once))
    losses = [[step.loss for step in read_metrics(folder.metrics).steps] for folder in (ours, theirs)]
    assert losses[0] == losses[1]
    assert [step for step, _ in ours.checkpoints()] == [step for step, _ in theirs.checkpoints()]
    for mine, other in ((ours.best_model, theirs.best_model), (ours.checkpoint(6), theirs.checkpoint(6))):
        one, two = read_checkpoint(mine)["model"], read_checkpoint(other)["model"]
        assert one.keys() == two.keys()
        assert all(torch.equal(value, two[name]) for name, value in one.items())


def test_a_disk_that_fills_up_beside_training_ends_the_phase(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Path(shutil.copytree(prepared, tmp_path / "full"))
    monkeypatch.setattr(phase_trainer, "Saves", lambda beside: Saves(beside=True))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(phase_trainer, "save_checkpoint", full)
    with pytest.raises(AssertionError, match="disk full: OSError"):  # what `train` says of a phase that failed
        train(project, "phase1")
