"""The parent does what is due, and writes down and says what became of each child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.child import start
from tests.pipeline.project import Project
from xtts_finetune.cli.exits import run_app
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.pipeline.children.lock import run_lock
from xtts_finetune.pipeline.run import decide_now, prepare_now, report_now, speak_now
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.tries import read_tries

ALL = ["prepare", "base", "phase1", "utterances", "phase2", "utterances"]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


def test_children_run_in_order_and_a_second_run_does_nothing(project: Project) -> None:
    printed = project.run()
    assert project.started == ALL
    assert "phase1: 1 000 steps from base. Learn the voice" in printed
    assert "mel_ce 4.000 -> 3.000 (-25.0 %)" in printed
    assert project.run_folder.report.is_file()
    again = project.run()
    assert project.started == []
    assert "Everything is up to date; nothing was run." in again


def test_only_what_changed_runs_again_and_the_old_model_is_set_aside(finished: Project) -> None:
    old = finished.run_folder.candidate("phase2").best_model.read_bytes()
    printed = finished.run("phase2.learning_rate=2e-6")
    assert finished.started == ["phase2", "utterances"]
    assert "phase2 is out of date (learning_rate: 1e-06 -> 2e-06)" in printed
    (aside,) = read_tries(finished.run_folder)
    assert f"is now the earlier try {aside.name}" in printed
    assert aside.folder.best_model.read_bytes() == old
    assert not aside.folder.checkpoint_files()
    assert finished.plan("phase2.learning_rate=2e-6").due == ()


def test_data_that_comes_out_as_it_was_leaves_the_phases_alone(finished: Project) -> None:
    metadata = finished.folder / "data/first/metadata.csv"
    metadata.write_text("a|Goodbye.|Goodbye.\n", encoding="utf-8")
    finished.run()
    assert finished.started == ["prepare"]
    metadata.write_text("a|Hello again.|Hello again.\n", encoding="utf-8")
    (finished.folder / "content").write_text("two", encoding="utf-8")
    finished.run()
    assert finished.started == ALL


def test_fresh_forgets_the_named_phase_alone(finished: Project) -> None:
    before = finished.run_folder.candidate("phase1").best_model.stat().st_mtime_ns
    printed = finished.run(wanted=["phase2"], fresh=True)
    assert finished.started == ["phase2", "utterances"]
    (aside,) = read_tries(finished.run_folder)
    assert f"--fresh: phase2: what was there is now the earlier try {aside.name}" in printed
    assert finished.run_folder.candidate("phase1").best_model.stat().st_mtime_ns == before


def test_a_phase_trained_again_makes_the_next_one_stale(finished: Project) -> None:
    record = finished.run_folder.candidate("phase1").phase_yaml
    record.write_text(record.read_text(encoding="utf-8").replace("started: '20", "started: '19"), encoding="utf-8")
    assert finished.states()["phase2"] == "stale: phase1 changed"


def test_a_refused_phase_starts_nothing(project: Project) -> None:
    with pytest.raises(UserError, match="run this first:\n  run_pipeline phase1"):
        project.run(wanted=["phase2"])
    assert not project.run_folder.root.exists()


@pytest.mark.parametrize(
    ("told", "error", "message", "reason"),
    [
        pytest.param("killed", WorkFailed, "the system ended the process", "killed", marks=POSIX),
        ("fails", WorkFailed, "phase1 failed: RuntimeError: the loss is NaN", "error"),
        ("says nothing", WorkFailed, "ended without closing its records", "error"),
    ],
)
def test_a_child_that_died_has_its_records_closed(
    project: Project, told: str, error: type[Exception], message: str, reason: str
) -> None:
    project.tell(phase1=told)
    with pytest.raises(error, match=message) as caught:
        project.run()
    folder = project.run_folder.candidate("phase1")
    info = read_model_info(folder)
    assert info is not None
    assert (info["status"], info["reason"]["name"]) == ("failed", reason)
    assert info["reason"]["message"] in folder.stopping_reason.read_text(encoding="utf-8")
    log = project.run_folder.job_log("phase1")
    assert str(log) in str(caught.value)
    assert "phase2" not in project.started
    project.tell()
    project.run()
    assert project.started == ALL[2:]


def test_a_wrong_input_that_only_the_child_can_see(project: Project) -> None:
    project.tell(phase1="wrong input")
    with pytest.raises(UserError, match=r"^device: 'cuda' is declared, but there is no GPU$"):
        project.run()


def test_a_job_says_why_it_failed(project: Project) -> None:
    project.tell(base="fails with a record")
    with pytest.raises(WorkFailed, match="base failed: the sound card is on fire"):
        project.run()
    project.tell(prepare="wrong input")
    (project.folder / "data/first/metadata.csv").write_text("a|Other.|Other.\n", encoding="utf-8")
    with pytest.raises(UserError, match="there is no GPU"):
        project.run()


def test_a_second_command_in_the_same_folder_is_refused(project: Project) -> None:
    with run_lock(project.run_folder.root), pytest.raises(UserError, match="another command is at work"):
        project.run()
    assert project.started == []


def run_project(folder: str) -> None:
    run_app(Project(Path(folder)).run)


@contextmanager
def command(project: Project) -> Iterator[subprocess.Popen[str]]:
    """The run as a command of its own, once its child of phase1 waits."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = start(run_project, project.folder, **pipes)
    try:
        waiting = project.folder / "waiting"
        ends = time.monotonic() + 60
        while not waiting.exists() and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.05)
        assert waiting.exists(), process.communicate()
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A zombie that nobody has waited for yet is gone too.
    state = Path(f"/proc/{pid}/stat")
    return state.is_file() and state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"


@POSIX
@pytest.mark.parametrize("told", ["stops when asked", "never stops"])
@pytest.mark.parametrize("request_to_end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_the_child_and_names_the_command_that_goes_on(
    finished: Project, told: str, request_to_end: signal.Signals
) -> None:
    finished.tell(phase1=told)
    finished.run_folder.candidate("phase1").model_info.unlink()
    with command(finished) as process:
        child = int((finished.folder / "waiting").read_text(encoding="utf-8"))
        process.send_signal(request_to_end)
        if told == "never stops":
            time.sleep(0.5)
            process.send_signal(request_to_end)  # the second time it is killed
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "phase1 was interrupted; what is done is kept. Continue with:" in errors
    assert "Traceback" not in errors
    assert gone(child)
    info = read_model_info(finished.run_folder.candidate("phase1"))
    assert info is not None
    assert info["status"] == "interrupted"
    assert ("killed" in info["reason"]["message"]) == (told == "never stops")


@POSIX
def test_a_child_whose_parent_is_gone_stops(finished: Project, tmp_path: Path) -> None:
    """The frame around real children sees the end of stdin, whatever the child is doing."""
    module = tmp_path / "endless.py"
    module.write_text(
        "import pathlib, sys, time\n"
        "try:\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(100)\n"
        "except KeyboardInterrupt:\n"
        f"    pathlib.Path({str(tmp_path / 'stopped')!r}).write_text('yes')\n",
        encoding="utf-8",
    )
    job = tmp_path / "job.json"
    replace(finished.work().job(tmp_path / "events.jsonl"), run_folder=tmp_path).write(job)
    child = subprocess.Popen(
        [sys.executable, "-m", "xtts_finetune.pipeline.children.child", "endless", str(job)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert child.stdin is not None and child.stdout is not None
    assert child.stdout.readline() == b"begun\n"
    time.sleep(0.5)  # it sleeps by now: a child that waits must be woken
    child.stdin.close()
    child.wait(60)
    child.stdout.close()
    assert (tmp_path / "stopped").is_file()


def test_prepare_looks_again_at_what_seems_current(finished: Project) -> None:
    """It is what a user is told to do about a damaged cache; clips that come out as they were change nothing."""
    prepare_now(finished.work())
    assert all(state == "up to date" for state in finished.states().values())
    finished.run()
    assert finished.started == []
    (finished.folder / "started.txt").unlink(missing_ok=True)
    prepare_now(finished.work())
    assert finished.started == ["prepare"]


def test_verbs_do_only_their_own_work(project: Project) -> None:
    """`prepare` asks for no disk that only training needs, and trains nothing."""
    work = project.work()
    prepare_now(work)
    assert project.started == ["prepare"]
    speak_now(work, [])
    assert project.started == ["prepare", "utterances"]
    with pytest.raises(UserError, match=r"values in your config now; run this first:\n  run_pipeline phase1"):
        speak_now(work, ["phase1"])
    decide_now(work)
    assert project.run_folder.decision.is_file()
    assert project.run_folder.report.is_file()
    project.run_folder.report.unlink()
    report_now(work)
    assert project.run_folder.report.is_file()
