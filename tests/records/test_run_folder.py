"""The run folder knows its files."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.records.run_folder import RunFolder


def test_asking_for_paths_makes_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    assert run.candidate("phase1").checkpoints() == []
    assert run.job_log("prepare") == tmp_path / "run" / "logs" / "prepare.log"
    assert not run.root.exists()


def test_checkpoints_are_in_the_order_of_their_steps_and_of_nothing_else(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path).candidate("phase1")
    folder.path.mkdir()
    for name in (
        "checkpoint_1000.pth",
        "checkpoint_1000.json",
        "checkpoint_200.pth",
        "checkpoint_200.json",
        "checkpoint_300.pth",
        ".checkpoint_300.pth.12.tmp",
        "checkpoint_x.pth",
    ):
        (folder.path / name).touch()
    folder.best_model.touch()
    folder.best_model_of(1339).touch()
    assert folder.checkpoints() == [(200, folder.checkpoint(200)), (1000, folder.checkpoint(1000))]
    assert [step for step, _ in folder.checkpoint_files()] == [200, 300, 1000]  # 300 has no record
    assert folder.best_models() == [(1339, folder.path / "best_model_1339.pth")]
