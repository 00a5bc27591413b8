"""Estimates of what a phase writes, held against the sizes of XTTS v2 that were measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from xtts_finetune.pipeline.disk import (
    HIFIGAN_BYTES,
    checkpoint_bytes,
    phase_bytes,
    readable,
    weights_bytes,
)
from xtts_finetune.spec.sources import KeptStep

XTTS_V2 = 1_870_000_000


def saved(path: Path, names: list[str], dtype: torch.dtype) -> Path:
    torch.save({"model": {name: torch.zeros(100_000, dtype=dtype) for name in names}}, path)
    return path


def test_half_precision_weights_are_written_in_full(tmp_path: Path) -> None:
    names = ["gpt.a", "hifigan_decoder.b"]
    full = weights_bytes(saved(tmp_path / "full.pth", names, torch.float32))
    half = weights_bytes(saved(tmp_path / "half.pth", names, torch.float16))
    assert full == pytest.approx(800_000, rel=0.02)
    assert half == pytest.approx(full, rel=0.02)


def test_a_base_without_hifigan_gets_one_in_every_model_file(tmp_path: Path) -> None:
    without = weights_bytes(saved(tmp_path / "w.pth", ["gpt.a", "gpt.b"], torch.float32))
    assert without == pytest.approx(800_000 + HIFIGAN_BYTES, rel=0.001)


def test_the_sizes_of_xtts_v2() -> None:
    assert checkpoint_bytes(XTTS_V2) == pytest.approx(5.4e9, rel=0.02)
    assert phase_bytes(XTTS_V2, []) == pytest.approx(7.3e9, rel=0.02)
    kept = [KeptStep(1500, with_optimizer=False), KeptStep(1600, with_optimizer=True)]
    assert phase_bytes(XTTS_V2, kept) == pytest.approx(7.3e9 + 1.9e9 + 5.4e9, rel=0.02)


def test_sizes_for_people() -> None:
    assert [readable(size) for size in (7, 12_345, 91_000_000, 5.5e9)] == [
        "7 bytes",
        "12 kB",
        "91 MB",
        "5.5 GB",
    ]
