"""Estimates of what a phase writes, held against the sizes of XTTS v2 that were measured."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from xtts_finetune.look.quantities import readable_size
from xtts_finetune.pipeline.plan.disk import (
    HIFIGAN_BYTES,
    DiskUse,
    TrainedSizes,
    files_bytes,
    phase_bytes,
    phase_disk,
    planned_disk,
    weights_bytes,
)
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.phase import Keep, PhaseSpec
from xtts_finetune.spec.sources import KeptStep

V2 = TrainedSizes(model=1_870_000_000, trained=1_770_000_000)


def saved(path: Path, names: list[str], dtype: torch.dtype) -> Path:
    torch.save({"model": {name: torch.zeros(100_000, dtype=dtype) for name in names}}, path)
    return path


def test_half_precision_weights_are_written_in_full(tmp_path: Path) -> None:
    names = ["gpt.a", "hifigan_decoder.b"]
    full = weights_bytes(saved(tmp_path / "full.pth", names, torch.float32))
    half = weights_bytes(saved(tmp_path / "half.pth", names, torch.float16))
    assert full == pytest.approx(800_000, rel=0.02)
    assert half == pytest.approx(full, rel=0.02)


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth"])
def test_half_precision_safetensors_are_written_in_full_whatever_they_are_called(tmp_path: Path, name: str) -> None:
    weights = {each: torch.zeros(100_000, dtype=torch.bfloat16) for each in ("gpt.a", "hifigan_decoder.b")}
    save_file(weights, tmp_path / name)
    assert weights_bytes(tmp_path / name) == 800_000
    save_file({"gpt.a": weights["gpt.a"]}, tmp_path / name)
    assert weights_bytes(tmp_path / name) == 400_000 + HIFIGAN_BYTES


def test_a_base_without_hifigan_gets_one_in_every_model_file(tmp_path: Path) -> None:
    without = weights_bytes(saved(tmp_path / "w.pth", ["gpt.a", "gpt.b"], torch.float32))
    assert without == pytest.approx(800_000 + HIFIGAN_BYTES, rel=0.001)


PHASE2 = {"learning_rate": 1e-6, "steps": 3000, "eval_every_steps": 100}


def test_the_sizes_of_xtts_v2() -> None:
    assert V2.checkpoint == pytest.approx(5.3e9, rel=0.01)
    assert phase_bytes(V2, [], Keep()) == pytest.approx(7.2e9, rel=0.01)
    kept = [KeptStep(1500, with_optimizer=False), KeptStep(1600, with_optimizer=True)]
    assert phase_bytes(V2, kept, Keep()) == pytest.approx(7.2e9 + 1.77e9 + 5.3e9, rel=0.01)
    assert phase_bytes(V2, [], Keep(best=3, checkpoints=2)) == pytest.approx(3 * 1.87e9 + 2 * 5.3e9, rel=0.01)


def test_a_phase_stays_within_one_checkpoint_one_best_model_and_one_being_written() -> None:
    use = phase_disk(V2, PhaseSpec(**PHASE2), [], 3000)
    assert use.stays + use.writing == pytest.approx(5.3e9 + 1.87e9 + 5.3e9, rel=0.01)
    # 6 checkpoints, and at worst a new best model at each of 31 evaluations
    assert use.written == pytest.approx(6 * 5.3e9 + 31 * 1.87e9, rel=0.01)
    assert phase_disk(V2, PhaseSpec(**PHASE2), [], None).written is None


def test_phases_one_after_another_add_up_and_write_one_file_at_a_time() -> None:
    plan = planned_disk([DiskUse(7, 5, 50), DiskUse(9, 5, 60, there=2), DiskUse()], free=20)
    assert (plan.stays, plan.peak, plan.written, plan.fits) == (14, 19, 110, True)
    assert not planned_disk([DiskUse(7, 5, None)], free=11).fits
    assert not planned_disk([DiskUse(7, 5, None)], free=11).exact


def test_two_names_of_one_file_take_its_room_once(tmp_path: Path) -> None:
    folder = CandidateFolder(tmp_path)
    folder.best_model_of(7).write_bytes(bytes(300))
    folder.best_model.hardlink_to(folder.best_model_of(7))
    folder.checkpoint(9).write_bytes(bytes(500))
    assert files_bytes(folder) == 800
    assert files_bytes(folder, checkpoints_only=True) == 500
    assert files_bytes(CandidateFolder(tmp_path / "nothing")) == 0


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_file_that_goes_meanwhile_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "checkpoint_9.pth").symlink_to(tmp_path / "gone.pth")  # listed, but not there any more
    assert files_bytes(CandidateFolder(tmp_path)) == 0


def test_sizes_for_people() -> None:
    assert [readable_size(size) for size in (7, 12_345, 91_000_000, 5.5e9)] == [
        "7 bytes",
        "12 kB",
        "91 MB",
        "5.5 GB",
    ]
