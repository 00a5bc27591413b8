"""A child that stays for the next job: torch and Coqui's package are imported once a command, not once a stage.

The parent writes each further job as a line to the child's stdin, {"arguments": [...], "log": PATH}. The child answers
each that is done with a line on its first stdout, and ends with whatever else a job comes to, as a process of its own
would. A job begins in the state that a new process has (`as_new` in child.py). The parent's end is the child's, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from xtts_finetune.errors import DONE
from xtts_finetune.pipeline.children.running import JOB, SHIPPING, TRAINING, python_child

STAYS = "--stays"
SAYS_NO = "XTTS_FINETUNE_NEW_PROCESSES"
"""Set to anything, each job has a process of its own."""
END_SECONDS = 10.0
FRAMES: list[Sequence[str]] = [python_child(module, []) for module in (JOB, TRAINING, SHIPPING)]
"""How the commands begin that leave nothing behind in their process, each up to its module."""

Start = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]
"""Starts a command with a pipe for its stdin and one for its stdout."""


class Staying:
    """A child that has been started to stay, and what it was started with."""

    def __init__(self, process: subprocess.Popen[bytes], environment: Mapping[str, str], folder: Path) -> None:
        self.process, self._environment, self._folder = process, dict(environment), folder
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for _ in self.process.stdout:
            self._answers.put(True)
        self._answers.put(False)

    def fits(self, environment: Mapping[str, str], folder: Path) -> bool:
        """Whether a new process would begin as this one did."""
        return self.process.poll() is None and self._environment == environment and self._folder == folder

    def give(self, arguments: Sequence[str], log: Path) -> bool:
        """Hand it a job; whether it is there to take it."""
        assert self.process.stdin is not None
        line = json.dumps({"arguments": list(arguments), "log": str(log)})
        try:
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()
        except OSError:
            return False
        return True

    def answered(self, seconds: float) -> bool:
        """Whether the job is done; waits so long for it, or for the child's end."""
        try:
            if self._answers.get(timeout=seconds):
                return True
        except queue.Empty:
            return False
        self._answers.put(False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return False

    def end(self) -> None:
        """Let it go; it ends by itself, and is killed where it does not."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Turn:
    """One job of a child that stays, with what is used of a Popen."""

    def __init__(self, child: Staying) -> None:
        self._child = child
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code that the job would have in a process of its own; None while it runs."""
        if self.returncode is None:
            self._look(0.001)
        return self.returncode

    def _look(self, seconds: float) -> None:
        self.returncode = DONE if self._child.answered(seconds) else self._child.process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for it. Raises subprocess.TimeoutExpired."""
        ends = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = 1.0 if ends is None else ends - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired("a job", timeout or 0.0)
            self._look(left)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """To the process."""
        self._child.process.send_signal(number)

    def kill(self) -> None:
        """The process, and so the job."""
        self._child.process.kill()

    def let_go(self) -> None:
        """The job is over: the child stays if it is done."""
        if self.returncode == DONE and self._child.process.poll() is None:
            keep(self._child)
        else:
            self._child.end()


_kept: list[Staying] = []
"""The one that waits for a job, if there is one; where this process ends, so does its stdin."""


def keep(child: Staying) -> None:
    """Have it wait for the next job."""
    let_all_go()
    _kept.append(child)


def let_all_go() -> None:
    """End the child that waits."""
    while _kept:
        _kept.pop().end()


def begin(command: Sequence[str], environment: Mapping[str, str], log: Path, start: Start) -> Turn | None:
    """Have a child that stays do the command; None for one that wants a process of its own.

    One that waits is gone then: it would hold on to a part of the card.
    """
    arguments = arguments_of(command)
    if arguments is None or os.environ.get(SAYS_NO):
        let_all_go()
        return None
    folder = Path.cwd()
    child = _kept.pop() if _kept else None
    if child is not None and child.fits(environment, folder) and child.give(arguments, log):
        return Turn(child)
    if child is not None:
        child.end()
    frame = [*command[: len(command) - len(arguments)], STAYS, *arguments]
    return Turn(Staying(start(frame), environment, folder))


def arguments_of(command: Sequence[str]) -> Sequence[str] | None:
    """The module and its arguments, where one is run that leaves nothing behind in its process."""
    for frame in FRAMES:
        if list(command[: len(frame)]) == list(frame):
            return command[len(frame) - 1 :]
    return None
