"""A second command is refused by name, a stale lock is taken over, an older child is waited for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from tests.child import start
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children import lock
from xtts_finetune.pipeline.children.lock import child_lock, refuse_second_command, run_lock
from xtts_finetune.records.holders import read_holder
from xtts_finetune.records.run_folder import CHILD_LOCK, COMMAND_LOCK


def hold(kind: str, root: str, *_: str) -> None:
    """Hold the command's or the child's lock until a line comes."""
    with run_lock(Path(root)) if kind == "command" else child_lock(Path(root), print):
        print("held", flush=True)
        sys.stdin.readline()


@contextmanager
def another_process(kind: str, root: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the command's or the child's lock until it is sent a line."""
    process = start(hold, kind, root, "--set", "a key", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def refusal(root: Path) -> str:
    with pytest.raises(UserError) as caught, run_lock(root):
        pass
    return str(caught.value)


def test_a_second_command_is_refused_in_one_line_that_names_the_first(tmp_path: Path) -> None:
    with another_process("command", tmp_path) as first:
        said = refusal(tmp_path)
        holder = read_holder(tmp_path, COMMAND_LOCK)
    assert holder is not None
    assert "\n" not in said
    assert f"another command is at work here: process {first.pid}, started {holder.since}: child.py" in said
    assert "--set 'a key'" in said or '--set "a key"' in said


def test_the_lock_is_free_after_the_first_command(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        assert read_holder(tmp_path, COMMAND_LOCK) is not None
    assert read_holder(tmp_path, COMMAND_LOCK) is None
    with run_lock(tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_a_lock_whose_owner_was_killed_is_taken_over_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with another_process("command", tmp_path) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        left = read_holder(tmp_path, COMMAND_LOCK)
        assert left is not None and left.pid == first.pid and not left.running
        with run_lock(tmp_path):
            mine = read_holder(tmp_path, COMMAND_LOCK)
    assert mine is not None and mine.pid == os.getpid()
    assert capfd.readouterr() == ("", "")


RECORDS = {
    "torn": b'{"pid": 12, "proc',
    "empty": b"",
    "not text": b"\xff\xfe\x00",
    "another kind": b"[1, 2]",
    "no number": b'{"pid": "x", "process_started": 1, "since": "", "command": "", "host": ""}',
    "huge": b'{"pid": 1e999, "process_started": 1, "since": "", "command": "", "host": ""}',
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_damaged_record_keeps_nobody_out_and_names_nobody(tmp_path: Path, record: bytes) -> None:
    file = tmp_path / ".command.json"
    file.write_bytes(record)
    assert read_holder(tmp_path, COMMAND_LOCK) is None
    with run_lock(tmp_path):
        assert json.loads(file.read_text(encoding="utf-8"))["pid"] == os.getpid()


def test_a_held_lock_without_a_record_is_refused_all_the_same(tmp_path: Path) -> None:
    with another_process("command", tmp_path):
        (tmp_path / ".command.json").unlink()
        assert refusal(tmp_path) == (f"{tmp_path}: another command is at work here; wait for it to end, or stop it")


def test_a_number_that_another_program_has_by_now_is_not_named(tmp_path: Path) -> None:
    """The record is of a process that is gone; its number belongs to this test now."""
    with another_process("command", tmp_path):
        file = tmp_path / ".command.json"
        record = json.loads(file.read_text(encoding="utf-8"))
        record |= {"pid": os.getpid(), "process_started": record["process_started"] - 10_000}
        file.write_text(json.dumps(record), encoding="utf-8")
        holder = read_holder(tmp_path, COMMAND_LOCK)
        assert holder is not None and not holder.running
        assert str(os.getpid()) not in refusal(tmp_path).replace(str(tmp_path), "")


def test_the_holder_on_another_machine_is_named_with_it(tmp_path: Path) -> None:
    with another_process("command", tmp_path):
        file = tmp_path / ".command.json"
        record = json.loads(file.read_text(encoding="utf-8")) | {"host": "attic", "pid": 4_000_000}
        file.write_text(json.dumps(record), encoding="utf-8")
        assert "process 4000000 on attic, started" in refusal(tmp_path)


def test_asking_before_the_start_writes_nothing(tmp_path: Path) -> None:
    refuse_second_command(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with another_process("command", tmp_path), pytest.raises(UserError, match="another command is at work"):
        refuse_second_command(tmp_path)


def test_asking_keeps_no_command_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks holds the lock for a moment and leaves no name; a command that begins just then waits for it."""
    with run_lock(tmp_path):
        pass
    asker = FileLock(tmp_path / COMMAND_LOCK)
    with asker, ThreadPoolExecutor(1) as pool:
        begins = pool.submit(refusal, tmp_path)
        time.sleep(0.3)
        asker.release()
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            begins.result()
    with monkeypatch.context() as patched:
        patched.setattr(lock, "write_json_atomic", lambda *_: pytest.fail("a record was written"))
        refuse_second_command(tmp_path)


def test_an_older_child_is_waited_for_and_named(tmp_path: Path) -> None:
    said: list[str] = []
    with another_process("child", tmp_path) as older:

        def say(line: str) -> None:
            said.append(line)
            assert older.stdin is not None
            older.stdin.write("\n")  # only now: whoever is let in must have waited
            older.stdin.flush()

        with child_lock(tmp_path, say, seconds=60):
            holder = read_holder(tmp_path, CHILD_LOCK)
    assert said == [f"waiting for process {older.pid} of an earlier command, which is writing its checkpoint ..."]
    assert holder is not None and holder.pid == os.getpid()


def test_an_older_child_that_never_ends_is_named_too(tmp_path: Path) -> None:
    with (
        another_process("child", tmp_path) as older,
        pytest.raises(UserError, match=rf"still at work here: process {older.pid}, started"),
        child_lock(tmp_path, lambda _: None, seconds=0.2),
    ):
        pass


def test_a_child_does_not_keep_its_own_command_out(tmp_path: Path) -> None:
    with run_lock(tmp_path), child_lock(tmp_path, pytest.fail):
        pass


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be written to" in refusal(tmp_path / "file" / "run")
