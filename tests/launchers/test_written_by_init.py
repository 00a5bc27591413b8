"""The batch files that `xtts-finetune init` writes, under Wine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.launchers.conftest import STAND_IN, Checkout, install
from xtts_finetune.setup.files import templates


@pytest.mark.parametrize("code", [0, 2])
def test_a_phase_is_started_with_the_python_that_is_named(wine: Path, tmp_path: Path, code: int) -> None:
    folder = tmp_path / "Új hang (próba)"
    folder.mkdir()
    stand_in = folder / "stand_in.bat"
    stand_in.write_bytes(STAND_IN.replace("\n", "\r\n").encode("ascii"))
    install(folder / "my python.exe", stand_in)
    text = templates().get_template("train.bat.j2").render(phase="phase1", python="python")
    (folder / "TRAIN_PHASE1.bat").write_bytes(text.replace("\n", "\r\n").encode("utf-8"))
    voice = Checkout(folder, wine)
    voice.ends_with("my python", code)
    done = voice.run("set XTTS_FINETUNE_PYTHON=my python.exe&& TRAIN_PHASE1.bat --plan")
    assert isinstance(done, subprocess.CompletedProcess) and done.returncode == code
    assert voice.called == [["my python", "-m", "xtts_finetune.cli.run_pipeline", "phase1", "--plan"]]
    assert ("Done." if code == 0 else "Ended with exit code 2") in done.stdout
