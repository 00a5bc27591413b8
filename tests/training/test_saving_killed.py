"""A process that is killed at any moment of its saving leaves whole checkpoints, and never fewer than it had."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from xtts_finetune.records.candidates.checkpoints import check_whole, read_checkpoint_records, sweep_checkpoints
from xtts_finetune.records.metrics import EvalRecord
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.sources import KeptStep
from xtts_finetune.training.saving import clear_checkpoints, save_best, save_checkpoint

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this forks")

KILLED, DONE = 9, 0
MOMENTS = (
    "replace",
    "unlink",
    "fsync",
    "link",
    "open",
)  # all that saving does to a file system, but for writing
NEEDED = [KeptStep(100, False)]


def state(step: int) -> dict[str, object]:
    weights = {"xtts.gpt.w": torch.full((100,), float(step))}
    return {"model": weights, "step": step, "optimizer": [{"state": {}}], "scheduler": [{}], "scaler": None}


def save_all(folder: CandidateFolder, step: int) -> None:
    """What a phase saves after a step with an evaluation that was the best so far."""
    evals = [EvalRecord(at, 5 - at / 1000, 0.03, 3.0, 1.0, 9, 9, 0.1) for at in range(0, step + 1, 100)]
    save_best(folder, state(step), evals, keep=1)
    save_checkpoint(folder, state(step), regular=True)
    clear_checkpoints(folder, keep=1, needed=NEEDED)


def killed_at(moment: int, work: Callable[[], None]) -> bool:
    """Do the work in a process that is gone at its `moment`-th call to the file system; whether it came to that."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED
    calls = 0

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def counting(*arguments: object, **keywords: object) -> object:
            nonlocal calls
            calls += 1
            if calls == moment:
                os._exit(KILLED)
            return call(*arguments, **keywords)

        return counting

    for name in MOMENTS:
        setattr(os, name, counted(getattr(os, name)))
    work()
    os._exit(DONE)


def whole_steps(folder: CandidateFolder) -> list[int]:
    """The steps whose checkpoints can be gone on from; each record must fit its file."""
    records = read_checkpoint_records(folder)
    for record in records:
        check_whole(folder, record)
    return [record.step for record in records if record.resumes]


def test_a_kill_at_any_moment_of_saving(tmp_path: Path) -> None:
    moment, after = 0, set()
    while True:
        moment += 1
        folder = CandidateFolder(tmp_path / f"killed_{moment}")
        save_all(folder, 100)
        was_killed = killed_at(moment, lambda folder=folder: save_all(folder, 200))  # type: ignore[misc]
        sweep_checkpoints(folder)
        steps = whole_steps(folder)
        after.add(tuple(steps))
        assert steps[-1:] in ([100], [200])
        assert folder.checkpoint(100).is_file()  # a later phase starts from it
        assert int(torch.load(folder.best_model, weights_only=True)["step"]) in (100, 200)
        save_all(folder, 200)  # the same again, as after a resume, and on
        save_all(folder, 300)
        names = {path.name for path in folder.path.iterdir() if not path.name.startswith(".")}
        assert names == {
            *(f"checkpoint_{step}.{kind}" for step in (100, 300) for kind in ("pth", "json")),
            "best_model.pth",
            "best_model_300.pth",
        }
        assert whole_steps(folder) == [300]
        if not was_killed:
            break
    assert moment > 15
    assert {(100,), (100, 200), (200,)} <= after


def test_the_moments_are_really_reached(tmp_path: Path) -> None:
    folder = CandidateFolder(tmp_path / "phase1")
    assert killed_at(1, lambda: save_all(folder, 100))
    assert not folder.recorded_steps()
    assert not killed_at(10_000, lambda: save_all(folder, 100))
    assert folder.recorded_steps() == [100]
    assert sys.modules["os"].replace is os.replace
