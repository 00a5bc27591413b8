"""A full disk still takes the reason why a phase ended: tried on a small file system of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.records.test_closing import FACTS, folder_with
from xtts_finetune.records.atomic import RESERVE_BYTES, free_reserve, make_reserve
from xtts_finetune.records.candidates.closing import HISTORY_LEFT_OUT, history_columns, read_model_info, write_closing
from xtts_finetune.records.faults import reason_of_error
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import RESERVE
from xtts_finetune.records.stopping import Reason, Stop

FULL = Stop(Reason.DISK_FULL, "disk full: OSError: [Errno 28] No space left on device")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB in memory; skipped where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    if not sys.platform.startswith("linux"):
        pytest.skip("mounts a tmpfs")
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount")
    if done.returncode != 0:
        pytest.skip(f"cannot mount: {done.stderr.decode(errors='replace').strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def fill(place: Path) -> None:
    """Take all the room that is left."""
    with (place / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def test_the_reserve_is_made_once_and_given_back(tmp_path: Path) -> None:
    folder = tmp_path / "phase1"
    make_reserve(folder)
    file = folder / RESERVE
    assert file.stat().st_size == RESERVE_BYTES
    before = file.read_bytes()
    make_reserve(folder)
    assert file.read_bytes() == before
    file.write_bytes(b"torn")
    make_reserve(folder)
    assert file.stat().st_size == RESERVE_BYTES
    free_reserve(folder)
    free_reserve(folder)
    assert not file.exists()


def test_on_a_full_disk_the_reason_gets_there_and_only_the_history_is_left_out(small_disk: Path) -> None:
    folder = folder_with(small_disk, [(0, 3.5), (2500, 3.1)], 2500)
    folder.training_history.write_text('{"of": "an earlier end"}', encoding="utf-8")
    make_reserve(folder.path)
    fill(small_disk)
    write_closing(folder, FACTS, FULL)
    assert "disk full" in folder.stopping_reason.read_text(encoding="utf-8")
    info = read_model_info(folder)
    assert info is not None
    assert info["reason"]["name"] == "disk_full"
    assert info["notes"] == [HISTORY_LEFT_OUT]
    assert not folder.training_history.exists()
    assert len(json.dumps(history_columns(read_metrics(folder.metrics)), indent=2)) > RESERVE_BYTES
    assert sorted(file.name for file in folder.path.iterdir()) == [
        "STOPPING_REASON.txt",
        "metrics.jsonl",
        "model_info.json",
    ]


def test_without_the_reserve_nothing_would_fit(small_disk: Path) -> None:
    folder = folder_with(small_disk, [(0, 3.5)], 1)
    fill(small_disk)
    with pytest.raises(OSError) as caught:
        write_closing(folder, FACTS, FULL)
    assert reason_of_error(caught.value) is Reason.DISK_FULL


def test_a_disk_without_room_for_the_reserve_says_so_and_keeps_nothing(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(OSError) as caught:
        make_reserve(small_disk / "phase1")
    assert reason_of_error(caught.value) is Reason.DISK_FULL
    assert not (small_disk / "phase1" / RESERVE).exists()
