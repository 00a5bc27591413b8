"""A disk that fills up in the middle of a phase: the last checkpoint is whole, and the reason is written down."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.killing import command, phase_folder, run_to_the_end
from testbed.soak import differences, leftovers
from xtts_finetune.records.candidates.checkpoints import check_whole, read_checkpoint_records


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500m", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def leave(room: int, disk: Path) -> Path:
    """Take all but so many bytes of the disk."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - room)
    return filler


def test_a_full_disk_costs_nothing_but_the_steps_since_the_last_checkpoint(
    ready: Path, untouched: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    project = Path(shutil.copytree(ready, small_disk / "project"))
    process = subprocess.Popen(command(project), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    folder = phase_folder(project)
    while not folder.phase_yaml.is_file() and process.poll() is None:
        time.sleep(0.002)
    # While the child starts: room for the first best model and the first checkpoint, but for half of the next one.
    theirs = phase_folder(untouched)
    best, checkpoint = (path.stat().st_size for path in (theirs.best_model, theirs.checkpoints()[-1][1]))
    filler = leave(best + checkpoint + best // 2, small_disk)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert "Traceback" not in said
    assert "no room" in said or "No space left" in said
    info = json.loads(folder.model_info.read_text(encoding="utf-8"))
    assert (info["status"], info["reason"]["name"]) == ("failed", "disk_full")
    text = folder.stopping_reason.read_text(encoding="utf-8")
    assert "disk full" in text
    assert "Make room" in text
    records = read_checkpoint_records(folder)
    assert records
    for record in records:
        check_whole(folder, record)
    filler.unlink()
    run_to_the_end(project)
    assert differences(untouched, project) + leftovers(project) == []
