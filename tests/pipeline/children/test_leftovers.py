"""Temporary files of killed processes go; those that are written right now stay."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.child import start
from xtts_finetune.pipeline.children.lock import sweep_leftovers
from xtts_finetune.records.atomic import atomic_path


def write_half(path: str) -> None:
    """Begin to write a file, and wait in the middle of it."""
    with atomic_path(Path(path)) as temporary:
        temporary.write_bytes(b"half")
        print(temporary, flush=True)
        sys.stdin.read()


def writer(path: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process in the middle of writing `path`, and its temporary file."""
    process = start(write_half, path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    process, temporary = writer(tmp_path / "phase1" / "checkpoint_5.pth")
    assert temporary.is_file()
    process.kill()
    process.communicate()
    assert sweep_leftovers(tmp_path) == [temporary]
    assert list((tmp_path / "phase1").iterdir()) == []


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    process, temporary = writer(tmp_path / "checkpoint_5.pth")
    with atomic_path(tmp_path / "mine.json") as mine:
        mine.write_bytes(b"{}")
        assert sweep_leftovers(tmp_path) == []
        assert temporary.is_file()
    process.communicate("")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["checkpoint_5.pth", "mine.json"]


def test_a_file_older_than_the_process_of_its_number_is_a_leftover(tmp_path: Path) -> None:
    old = tmp_path / f".report.html.{os.getpid()}.tmp"
    old.touch()
    week_ago = time.time() - 7 * 24 * 3600
    os.utime(old, (week_ago, week_ago))
    assert sweep_leftovers(tmp_path) == [old]


@pytest.mark.parametrize(
    ("name", "goes"),
    [
        (".checkpoint_5.pth.4194999.tmp", True),
        (".x.tmp", True),
        ("phase1/utterances/.one_s1.wav.4194999.tmp", True),
        ("cache/.codes.npy.4194999.tmp", False),
        ("phase1/cache/.codes.npy.4194999.tmp", True),
        ("checkpoint_5.pth", False),
        ("notes.tmp", False),
        (".command.lock", False),
    ],
)
def test_only_temporary_files_outside_the_cache(tmp_path: Path, name: str, goes: bool) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    assert sweep_leftovers(tmp_path) == ([file] if goes else [])
    assert file.exists() is not goes


def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert sweep_leftovers(tmp_path / "run") == []
