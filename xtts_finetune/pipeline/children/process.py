"""A child process: started with a log, asked to stop by Ctrl-C and its like, waited for, killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from xtts_finetune.errors import DONE
from xtts_finetune.pipeline.children.staying import Turn, begin


class Interrupted(Exception):
    """Work was stopped from outside; the message says what. The caller knows the command that continues it."""


_kept: list[bool] = []


def something_is_kept() -> None:
    """Note that this command has done something that its next start need not do again."""
    _kept.append(True)


def is_anything_kept() -> bool:
    """Whether it has: what a Ctrl-C says depends on it."""
    return bool(_kept)


@contextmanager
def ending_like_ctrl_c() -> Iterator[None]:
    """Take a polite request to end (SIGTERM; SIGHUP of a closed terminal) as Ctrl-C, so that work is kept."""
    names = [name for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # What is ignored stays so: nohup means that a closed terminal is no request.
    names = [name for name in names if signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN]
    before = {name: signal.signal(getattr(signal, name), end) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


Process = subprocess.Popen[bytes] | Turn

POLL_SECONDS = 0.2
# Long enough to write a full-size checkpoint of 5.5 GB to a slow disk.
GRACE_SECONDS = 120.0
TAIL_BYTES = 16384


@dataclass(frozen=True)
class ChildEnd:
    """How a child ended: its exit status (minus the signal's number on POSIX) and the end of what it printed.

    `interrupted` when the user asked it to stop, `killed_by_us` when it did not and had to be killed.
    """

    status: int
    printed: str
    interrupted: bool = False
    killed_by_us: bool = False

    @property
    def last_line(self) -> str:
        """The last line that says anything, by convention the reason of a failure; '' for none."""
        lines = [line.strip() for line in self.printed.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    @property
    def signal_name(self) -> str | None:
        """Name of the signal that ended it, or None."""
        if self.status >= 0:
            return None
        try:
            return signal.Signals(-self.status).name
        except ValueError:
            return f"signal {-self.status}"


def run_child(
    command: Sequence[str],
    log: Path,
    watch: Callable[[], None],
    asked_to_stop: Callable[[], None] = lambda: None,
    grace_seconds: float = GRACE_SECONDS,
) -> ChildEnd:
    """Run `command` with everything it prints added to `log`; call `watch` about five times a second.

    Ctrl-C asks the child to stop and waits `grace_seconds` for it; a second Ctrl-C or the end of the wait
    kills it. This function returns in either case, so that the caller can write down what happened.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')}  {' '.join(command)}\n".encode())
        output.flush()
        offset = log.stat().st_size
        environment = _environment()
        turn = begin(command, environment, log, lambda frame: _start(frame, environment, output.fileno(), answers=True))
        process = turn or _start(command, environment, output.fileno())
        try:
            while process.poll() is None:
                watch()
                _wait(process, POLL_SECONDS)
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):  # the terminal may be gone: closing it asks for the end, too
                asked_to_stop()
            killed = _stop(process, watch, grace_seconds)
            return ChildEnd(_status(process), _printed_since(log, offset), interrupted=True, killed_by_us=killed)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            if isinstance(process, Turn):
                process.let_go()
            elif process.stdin is not None:
                process.stdin.close()
    watch()
    if process.returncode == DONE:
        something_is_kept()
    return ChildEnd(_status(process), _printed_since(log, offset))


def _status(ended: Process) -> int:
    assert ended.returncode is not None
    return ended.returncode


def _environment() -> dict[str, str]:
    """That of a child."""
    # OpenMP's threads wait for each other spinning, which on cores that other programs use too makes a training
    # step ten times slower; asleep they cost nothing. Whoever sets the variable knows better.
    waiting = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive")}
    return {**os.environ, **waiting, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _start(
    command: Sequence[str], environment: Mapping[str, str], log: int, answers: bool = False
) -> subprocess.Popen[bytes]:
    """`answers`: its stdout is a pipe on which it answers; what it prints comes to the log all the same."""
    # Its own group: the terminal's Ctrl-C reaches the parent alone, which passes it on exactly once.
    own_group: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    output = subprocess.PIPE if answers else log
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=output, stderr=log, env=dict(environment), **own_group
    )


def _wait(process: Process, seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _stop(process: Process, watch: Callable[[], None], grace_seconds: float) -> bool:
    """Ask the process to end, kill it if it does not; whether it had to be killed."""
    ends = time.monotonic() + grace_seconds
    try:
        if process.poll() is None:
            if sys.platform == "win32":
                process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                process.send_signal(signal.SIGINT)
        while process.poll() is None and time.monotonic() < ends:
            with contextlib.suppress(OSError):
                watch()
            _wait(process, POLL_SECONDS)
    except KeyboardInterrupt:
        pass
    if process.poll() is not None:
        return False
    process.kill()
    process.wait()
    return True


def _printed_since(log: Path, offset: int) -> str:
    size = log.stat().st_size
    with log.open("rb") as file:
        file.seek(max(offset, size - TAIL_BYTES))
        return file.read().decode("utf-8", errors="replace")
