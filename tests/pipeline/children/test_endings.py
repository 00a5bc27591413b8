"""Why a child ended that left no records: exit status, signals, Windows' codes, and what it printed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from xtts_finetune.pipeline.children.jobs import stop_of
from xtts_finetune.pipeline.children.process import ChildEnd, run_child
from xtts_finetune.records.stopping import Reason

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals end POSIX processes")
FRAMES = 'Traceback (most recent call last):\n  File "child.py", line 7, in <module>\n'
BAD_ALLOC = "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n"


@pytest.mark.parametrize(
    ("status", "printed", "reason", "said"),
    [
        (0, "", Reason.ERROR, "without closing its records"),
        (1, "", Reason.ERROR, "exit code 1 and said nothing"),
        (1, f"{FRAMES}ValueError: no\n", Reason.ERROR, "ValueError: no"),
        (1, f"{FRAMES}MemoryError\n", Reason.OUT_OF_MEMORY, "out of memory: MemoryError"),
        (127, "libtorch.so: failed to map segment from shared object\n", Reason.OUT_OF_MEMORY, "out of memory: lib"),
        pytest.param(-9, "step 7\n", Reason.KILLED, "SIGKILL), most often because the memory ran out", marks=POSIX),
        pytest.param(-6, BAD_ALLOC, Reason.OUT_OF_MEMORY, "out of memory: std::bad_alloc (SIGABRT)", marks=POSIX),
        pytest.param(-6, "assertion failed\n", Reason.ERROR, "gave up (SIGABRT): assertion failed", marks=POSIX),
        pytest.param(-11, "", Reason.ERROR, "crashed in native code (SIGSEGV)", marks=POSIX),
        pytest.param(-11, "OpenBLAS blas_thread_init: pthread_create failed\n", Reason.OUT_OF_MEMORY,
                     "pthread_create failed (SIGSEGV)", marks=POSIX),
        pytest.param(-7, "", Reason.UNREADABLE, "cut short or its disk fails (SIGBUS)", marks=POSIX),
        pytest.param(-15, "", Reason.KILLED, "the system ended the process (SIGTERM)", marks=POSIX),
        pytest.param(-24, "", Reason.KILLED, "limit of processor time", marks=POSIX),
        pytest.param(-34, "", Reason.KILLED, "the system ended the process (SIG", marks=POSIX),
        (0xC0000017, "", Reason.OUT_OF_MEMORY, "0xC0000017"),
        (0xC000012D, "", Reason.OUT_OF_MEMORY, "paging file"),
        (0xC00000FD, "", Reason.ERROR, "its stack is used up"),
        (0xC0000409, "", Reason.ERROR, "gave up (0xC0000409)"),
        (0xC0000409, BAD_ALLOC, Reason.OUT_OF_MEMORY, "std::bad_alloc (0xC0000409)"),
        (0xC000013A, "", Reason.INTERRUPTED, "Ctrl-C"),
        (0xC0000005, "", Reason.ERROR, "access violation"),
        (0x40010004, "", Reason.KILLED, "shuts down"),
        (0xC0001234, "", Reason.ERROR, "status 0xC0001234"),
    ],
)  # fmt: skip
def test_what_is_known_of_a_child_says_why_it_ended(status: int, printed: str, reason: Reason, said: str) -> None:
    stop = stop_of(ChildEnd(status, printed), free_bytes=10**9)
    assert stop.reason is reason
    assert said in stop.message
    assert "Traceback" not in stop.message and "\n" not in stop.message


@POSIX
def test_a_kill_for_want_of_memory_that_the_system_counted() -> None:
    killed = ChildEnd(-signal.SIGKILL, "step 7\n")
    assert stop_of(killed, oom_kills=1).reason is Reason.OUT_OF_MEMORY
    assert stop_of(killed, oom_kills=0).reason is Reason.KILLED
    assert stop_of(ChildEnd(-signal.SIGTERM, ""), oom_kills=1).reason is Reason.KILLED


def test_a_child_that_could_not_even_say_so_met_a_full_disk() -> None:
    assert stop_of(ChildEnd(1, ""), free_bytes=0).reason is Reason.DISK_FULL
    assert stop_of(ChildEnd(1, ""), free_bytes=10**9).reason is Reason.ERROR
    stop = stop_of(ChildEnd(1, f"{FRAMES}RuntimeError: the writer is gone\n"), free_bytes=0)
    assert (stop.reason, stop.message) == (Reason.DISK_FULL, "disk full: RuntimeError: the writer is gone")
    assert stop_of(ChildEnd(1, f"{FRAMES}MemoryError\n"), free_bytes=0).reason is Reason.OUT_OF_MEMORY


@POSIX
def test_a_mapped_file_that_cannot_grow() -> None:
    assert stop_of(ChildEnd(-signal.SIGBUS, ""), free_bytes=0).reason is Reason.DISK_FULL


@pytest.mark.parametrize("killed", [True, False])
def test_what_the_user_asked_for_is_no_fault_whatever_was_printed(killed: bool) -> None:
    stop = stop_of(ChildEnd(-9, f"{FRAMES}MemoryError\n", interrupted=True, killed_by_us=killed), oom_kills=1)
    assert stop.reason is Reason.INTERRUPTED
    assert ("killed" in stop.message) is killed


@POSIX
def test_a_child_that_does_not_stop_is_killed_once_it_was_waited_for(tmp_path: Path) -> None:
    log, asked = tmp_path / "log", list[bool]()
    deaf = "import signal, time; signal.signal(2, signal.SIG_IGN); print('begun', flush=True); time.sleep(60)"

    def ctrl_c_once_it_has_begun() -> None:
        if not asked and "\nbegun" in log.read_text(encoding="utf-8"):
            asked.append(True)
            raise KeyboardInterrupt

    ended = run_child([sys.executable, "-c", deaf], log, ctrl_c_once_it_has_begun, grace_seconds=0.5)
    assert (ended.status, ended.interrupted, ended.killed_by_us) == (-signal.SIGKILL, True, True)
