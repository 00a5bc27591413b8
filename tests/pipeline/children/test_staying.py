"""A child that stays: one process for several jobs, each as if it were the process's first."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.children.test_endings import POSIX
from tests.pipeline.project import Project
from xtts_finetune.pipeline.children import staying
from xtts_finetune.pipeline.children.process import ChildEnd, run_child
from xtts_finetune.pipeline.children.running import python_child

# Says who it is and what it finds, leaves things behind, and ends as it is told.
JOB = """\
import json, logging, os, pathlib, signal, sys, time
how, job = sys.argv[1:]
found = {"pid": os.getpid(), "left": os.environ.get("LEFT_BEHIND"), "handlers": len(logging.getLogger("a").handlers),
         "term": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL}
os.environ["LEFT_BEHIND"] = "yes"
logging.getLogger("a").addHandler(logging.FileHandler(pathlib.Path(job).with_name("a.log")))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(json.dumps(found), flush=True)
if how == "hang":
    time.sleep(60)
sys.exit(int(how))
"""
Do = Callable[..., tuple[ChildEnd, dict[str, Any]]]


@pytest.fixture
def do(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Do]:
    """Runs the job above as `run_child` runs one that stays: how it ended, and what it found."""
    (tmp_path / "some_job.py").write_text(JOB, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "")
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # another one in each part of a test: no process would fit
    monkeypatch.setattr(staying, "FRAMES", [python_child("some_job", [])])
    job = tmp_path / "job.json"
    replace(project.work().job(tmp_path / "events.jsonl"), run_folder=tmp_path).write(job)

    def run(how: str, log: str = "log", watch: Callable[[], None] = lambda: None) -> tuple[ChildEnd, dict[str, Any]]:
        ended = run_child(python_child("some_job", [how, str(job)]), tmp_path / log, watch)
        said = [line for line in ended.printed.splitlines() if line.startswith("{")]
        return ended, json.loads(said[-1]) if said else {}

    yield run
    staying.let_all_go()


def test_one_process_does_several_jobs_each_with_a_log_of_its_own_and_nothing_left_behind(do: Do) -> None:
    (first, one), (second, other) = do("0", "one.log"), do("0", "two.log")
    assert first.status == second.status == 0
    assert one["pid"] == other["pid"] != os.getpid()
    assert {**one, "pid": 0} == {**other, "pid": 0} == {"pid": 0, "left": None, "handlers": 0, "term": True}


def test_a_job_that_fails_ends_the_process_and_the_next_has_a_new_one(do: Do) -> None:
    _, one = do("0")
    failed, other = do("3")
    assert (failed.status, other["pid"]) == (3, one["pid"])
    again, new = do("0")
    assert again.status == 0 and new["pid"] != one["pid"]


@POSIX
def test_a_process_that_is_killed_has_that_status(do: Do, tmp_path: Path) -> None:
    _, one = do("0")

    def kill_it() -> None:
        if one and "{" in (tmp_path / "two.log").read_text(encoding="utf-8"):
            os.kill(one["pid"], signal.SIGKILL)
            one.clear()

    killed, _ = do("hang", "two.log", kill_it)
    assert killed.signal_name == "SIGKILL" and not killed.interrupted
    assert do("0")[0].status == 0


@POSIX
def test_ctrl_c_stops_the_job_that_runs(do: Do, tmp_path: Path) -> None:
    do("0")
    asked: list[bool] = []

    def ctrl_c() -> None:
        if not asked and "{" in (tmp_path / "two.log").read_text(encoding="utf-8"):
            asked.append(True)
            raise KeyboardInterrupt

    ended, _ = do("hang", "two.log", ctrl_c)
    assert ended.interrupted and not ended.killed_by_us and ended.status != 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_one_that_waits_ends_with_its_parent(do: Do) -> None:
    _, one = do("0")
    assert Path(f"/proc/{one['pid']}").exists()
    staying.let_all_go()
    assert not Path(f"/proc/{one['pid']}").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_beside_a_process_of_its_own_none_waits(do: Do, tmp_path: Path) -> None:
    _, one = do("0")
    assert run_child([sys.executable, "-c", "pass"], tmp_path / "log", lambda: None).status == 0
    assert not Path(f"/proc/{one['pid']}").exists()


@pytest.mark.parametrize("differs", ["environment", "folder", "asked for"])
def test_where_a_new_process_would_begin_otherwise_there_is_a_new_one(
    differs: str, do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, one = do("0")
    if differs == "environment":
        monkeypatch.setenv("OMP_NUM_THREADS", "7")
    elif differs == "folder":
        monkeypatch.chdir(tmp_path)
    else:
        monkeypatch.setenv(staying.SAYS_NO, "1")
    _, other = do("0")
    assert other["pid"] != one["pid"]


def test_only_jobs_that_leave_nothing_behind_share_a_process() -> None:
    assert staying.arguments_of(python_child(staying.JOB, ["base", "job.json"])) == [staying.JOB, "base", "job.json"]
    assert staying.arguments_of(python_child("xtts_finetune.pipeline.phase.launch", ["job.json"])) is None
    assert staying.arguments_of([sys.executable, "-c", "pass"]) is None
