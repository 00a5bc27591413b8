"""Several processes of one phase: what ends them, what starts them anew, and what is said of it.

The ranks here are stand-ins that add up numbers; all around them is real. Each start of two takes some seconds, as
importing torch does, so there are few of these tests.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from torch.distributed import TCPStore

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.phase.launch import hear_leading, stop_of_fault
from xtts_finetune.ranks.launch import LaunchEnd
from xtts_finetune.ranks.launched import USES_LIBUV
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.job import Job, LaunchNews, LaunchPlan, RanWith
from xtts_finetune.records.stopping import Reason
from xtts_finetune.records.values import strict_json

ROOT = Path(__file__).resolve().parents[2]
TWO = LaunchPlan(devices=2, restarts=1, silent_seconds=5)
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def job_of(folder: Path, run: Path, launch: LaunchPlan | None = None) -> Job:
    """What a launch in the folder is told."""
    return Job(Path("none"), (), run, run, "cpu", folder / "events.jsonl", phase="phase1", launch=launch)


def started(
    folder: Path,
    told: dict[str, str] | None = None,
    launch: LaunchPlan = TWO,
    run: Path | None = None,
    steps: int = 12,
) -> subprocess.Popen[str]:
    """A launch of two ranks in the folder, which end as they are told."""
    run = run or folder
    file = folder / "job.json"
    job_of(folder, run, launch).write(file)
    write_json_atomic(run / "behaviour.json", {**(told or {}), "steps": steps})
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ranks.stand_in_launch", str(file)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code, and the last line that was printed."""
    _, printed = process.communicate(timeout=240)
    lines = [line for line in printed.splitlines() if line.strip()]
    return process.returncode, lines[-1] if lines else ""


def closed(folder: Path) -> str:
    return (folder / "closed").read_text(encoding="utf-8")


def notes(folder: Path) -> list[str]:
    file = folder / "events.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [json.loads(line)["message"] for line in lines]


@posix
def test_a_killed_rank_starts_all_anew_until_restarts_are_used_up(tmp_path: Path) -> None:
    process = started(tmp_path, {"1": "kill at 3"})
    code, last = ended(process)
    host = socket.gethostname()
    assert code == 1
    assert last == f"rank 1 of 2 on {host} was ended by SIGKILL at step 37; it had been started again once"
    assert closed(tmp_path) == f"killed: {last}"
    assert notes(tmp_path) == [
        f"rank 1 of 2 on {host} was ended by SIGKILL; continuing from the newest checkpoint (restart 1 of 1)"
    ]


@posix
def test_a_rank_that_hangs_is_noticed_and_the_phase_goes_on(tmp_path: Path) -> None:
    process = started(tmp_path, {"1": "hang at 3 in round 0"})
    while not (tmp_path / "done").is_file() or (tmp_path / "done").read_text() != "3":
        assert process.poll() is None
        time.sleep(0.05)
    hung = time.monotonic()
    while not notes(tmp_path):
        assert time.monotonic() - hung < 15, "5 are declared"
        time.sleep(0.05)
    assert ended(process)[0] == 0
    assert "rank 1 of 2" in notes(tmp_path)[0] and "gave no sign for 5 s" in notes(tmp_path)[0]
    assert closed(tmp_path) == "all_steps_done: all 12 steps are done"


def test_what_one_rank_lacks_is_everybodys_error_with_its_name(tmp_path: Path) -> None:
    code, last = ended(started(tmp_path, {"1": "wrong: no prepared clips"}))
    assert (code, last) == (2, f"rank 1 on {socket.gethostname()}: no prepared clips")
    assert not notes(tmp_path) and not (tmp_path / "closed").exists()


def test_out_of_memory_on_one_rank_ends_the_phase_for_that_reason(tmp_path: Path) -> None:
    code, last = ended(started(tmp_path, {"1": "memory at 3"}))
    assert code == 1 and "rank 1 of 2" in last and "out of memory" in last
    assert closed(tmp_path).startswith("out_of_memory: rank 1 of 2")
    assert not notes(tmp_path), "it would be out of memory again"


@posix
def test_ctrl_c_stops_all_at_the_same_step(tmp_path: Path) -> None:
    process = started(tmp_path, steps=100_000)
    while not (tmp_path / "done").is_file():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    assert closed(tmp_path).startswith("interrupted: interrupted at step")


@posix
def test_two_machines_meet_and_outlive_the_loss_of_a_rank(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    meet = replace(TWO, devices=1, machines=2, host="127.0.0.1", port=port, join_seconds=120)
    run, told = tmp_path / "first", {"1": "kill at 3 in round 0"}
    first = started(run, told, meet)
    second = started(tmp_path / "second", told, replace(meet, leads=False), run)
    assert [ended(machine)[0] for machine in (first, second)] == [0, 0]
    assert closed(run) == "all_steps_done: all 12 steps are done"
    assert not list(run.glob(".*.tmp")), "what the lost rank left half-written"
    assert len(notes(run)) == 1 and "rank 1 of 2" in notes(run)[0] and "SIGKILL" in notes(run)[0]
    assert not notes(tmp_path / "second")


def test_a_machine_that_follows_takes_the_leading_ones_job_with_its_own_folders(tmp_path: Path) -> None:
    leading = tmp_path / "leading"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    meet = replace(TWO, machines=2, host="127.0.0.1", port=port)
    told = replace(job_of(leading, leading, meet), ran_with=RanWith(1, 3, 500, "why"), pause_at=7, more=True)
    store = TCPStore("127.0.0.1", port, is_master=True, wait_for_workers=False, use_libuv=USES_LIBUV)
    store.set("told", json.dumps(strict_json(asdict(LaunchNews("first", told)))))
    here, news = replace(meet, leads=False), tmp_path / "told.json"
    mine = replace(job_of(tmp_path, tmp_path), phase="", launches={"phase1": here}, news=news)
    job = hear_leading(mine)
    assert job == replace(told, run_folder=tmp_path, data_folder=tmp_path, events=mine.events, launch=here, news=news)
    assert LaunchNews.read(news) == LaunchNews("first", told)
    assert hear_leading(replace(mine, heard=("first",))) is None
    with pytest.raises(UserError, match="trains 'phase1', which is not in the config here"):
        hear_leading(replace(mine, launches={"phase2": here}))
    with pytest.raises(UserError, match="3 here, 2 on the leading machine"):
        hear_leading(replace(mine, launches={"phase1": replace(here, machines=3)}))


@pytest.mark.parametrize(
    ("lost", "reason", "message"),
    [
        (
            LaunchEnd(None, "rank 1 of 2 on a was ended by SIGKILL", 2),
            Reason.KILLED,
            "rank 1 of 2 on a was ended by SIGKILL before its first step; it had been started again 2 times",
        ),
        (
            LaunchEnd(None, "rank 0 of 2 on a ended with exit code 3"),
            Reason.ERROR,
            "rank 0 of 2 on a ended with exit code 3 before its first step; it was not to be started again",
        ),
        (
            LaunchEnd(None, "rank 1 of 2 on a was ended by SIGKILL", 0, memory=True),
            Reason.OUT_OF_MEMORY,
            "out of memory: rank 1 of 2 on a was ended by SIGKILL before its first step; "
            "it was not to be started again",
        ),
    ],
)
def test_what_is_said_of_a_fault(tmp_path: Path, lost: LaunchEnd, reason: Reason, message: str) -> None:
    stop = stop_of_fault(job_of(tmp_path, tmp_path), lost)
    assert (stop.reason, stop.message) == (reason, message)
