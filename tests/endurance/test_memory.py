"""A phase without enough memory says so, in words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.killing import command, phase_folder


@pytest.mark.skipif(sys.platform != "linux", reason="limits of this kind are Linux's")
@pytest.mark.parametrize("kilobytes", [1_500_000, 2_500_000])
def test_a_phase_that_memory_does_not_suffice_for_says_so(ready: Path, tmp_path: Path, kilobytes: int) -> None:
    project = Path(shutil.copytree(ready, tmp_path / "project"))
    limited = ["bash", "-c", f'ulimit -v {kilobytes}; exec "$@"', "bash", *command(project)]
    ended = subprocess.run(limited, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    folder = phase_folder(project)
    info = json.loads(folder.model_info.read_text(encoding="utf-8"))
    assert info["reason"]["name"] in ("out_of_memory", "killed"), info["reason"]
    assert "memory" in folder.stopping_reason.read_text(encoding="utf-8")
