"""Which index the launchers and the Makefile take torch from: asked with Python alone, before anything is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.child import ROOT

CARD = "#!/bin/sh\necho '0, GPU-aaaa, 12288, 11000, {driver}, 8.6, NVIDIA GeForce RTX 3060'\n"


def printed(folder: Path, **environment: str) -> str:
    """`-S`: without installed packages."""
    command = [sys.executable, "-S", str(ROOT / "scripts" / "torch_for_card.py")]
    kept = {name: value for name, value in os.environ.items() if name not in ("CUDA_VISIBLE_DEVICES", "TORCH_INDEX")}
    environment = {**kept, "PATH": str(folder), **environment}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.strip()


def test_without_a_card_nothing_is_printed(tmp_path: Path) -> None:
    assert printed(tmp_path) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="the driver's program is a shell script here")
@pytest.mark.parametrize(("driver", "index"), [("535.183", "https://download.pytorch.org/whl/cu126"), ("580.65", "")])
def test_the_driver_decides(driver: str, index: str, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(CARD.format(driver=driver), encoding="utf-8")
    program.chmod(0o755)
    assert printed(tmp_path) == index
    assert printed(tmp_path, TORCH_INDEX="https://example.org/whl") == "https://example.org/whl"
    assert printed(tmp_path, TORCH_INDEX="pypi") == ""
