"""The short form of benchmarks/soak.py: killed anywhere, the same command ends as if nothing had happened."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch

from testbed.killing import phase_folder
from testbed.soak import differences, leftovers, soak

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def test_killed_anywhere_a_phase_goes_on_to_the_same_end(
    ready: Path, untouched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    result = soak(ready, untouched, tmp_path, kills=2, saves=1, seed=2)
    assert result["differences"] == {}
    assert result["kills"] == 2
    assert result["went_on_and_ended_the_same"] == result["lives"]


def test_the_comparison_sees_what_it_is_for(untouched: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(untouched, tmp_path / "other"))
    assert differences(untouched, other) == []
    folder = phase_folder(other)
    lines = folder.metrics.read_text(encoding="utf-8").splitlines()
    changed = {**json.loads(lines[3]), "loss": 1.0}
    for spoiled in (lines[:-1], [*lines, lines[-1]], [*lines[:3], json.dumps(changed), *lines[4:]]):
        folder.metrics.write_text("\n".join(spoiled) + "\n", encoding="utf-8")
        assert any("metrics.jsonl" in found for found in differences(untouched, other))
    folder.metrics.write_text("\n".join(lines) + "\n", encoding="utf-8")
    checkpoint = torch.load(folder.checkpoint(16), weights_only=True)
    checkpoint["model"]["xtts.gpt.mel_head.bias"][0] += 1e-6
    torch.save(checkpoint, folder.checkpoint(16))
    assert any("mel_head.bias differs" in found for found in differences(untouched, other))
    (folder.path / ".checkpoint_9.pth.1.tmp").write_bytes(b"half")
    assert leftovers(other) == ["other: left over: .checkpoint_9.pth.1.tmp"]
    assert any(".checkpoint_9" in found for found in differences(untouched, other))
