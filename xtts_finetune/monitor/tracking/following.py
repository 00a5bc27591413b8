"""Follows a run while a command works on it, in a thread that nothing waits for but its end, and not for long."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.machine.packages import install_extra
from xtts_finetune.monitor.tracking.server import Server, where
from xtts_finetune.monitor.tracking.tracked_run import TrackedRun
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.run_folder import TRACKING_LOCK, RunFolder
from xtts_finetune.spec.decision import MadeCandidate
from xtts_finetune.spec.declaration import Declaration

POLL_SECONDS = 5.0
AWAY_SECONDS = 30.0  # between attempts while the server is away
LAST_SECONDS = 30.0  # what a command that has ended waits for the last of it

Say = Callable[[str, str | None], None]


@contextmanager
def tracked(declaration: Declaration, run: RunFolder, say: Say) -> Iterator[None]:
    """Log the run while the work inside goes on, where it is declared (`tracking:`), and once more at its end.

    Whatever is wrong with it is one warning: the work neither fails nor waits for it.
    """
    if declaration.pipeline.tracking is None:
        yield
        return
    if importlib.util.find_spec("mlflow") is None:
        install = install_extra("mlflow", "mlflow-skinny")
        say(
            f"warning: your config asks for tracking, but mlflow is not installed; nothing is logged: {install}",
            "yellow",
        )
        yield
        return
    following = Following(declaration, run, say)
    following.start()
    status = "KILLED"
    try:
        yield
        status = "FINISHED"
    except (UserError, WorkFailed):
        status = "FAILED"
        raise
    finally:
        following.end(status)


class Following(threading.Thread):
    """Brings the server up to the run's folder every few seconds, until it is told that the command ends."""

    def __init__(self, declaration: Declaration, run: RunFolder, say: Say) -> None:
        super().__init__(name="tracking", daemon=True)  # a server that hangs must not keep the command
        self._declaration, self._run_folder, self._say = declaration, run, say
        self._ending, self._status, self._warned = threading.Event(), "KILLED", False
        self._tracked_run: TrackedRun | None = None
        self._held, self._holds = contextlib.ExitStack(), False

    def end(self, status: str) -> None:
        """Log what came last; returns after a limited time, whatever the server does."""
        self._status = status
        self._ending.set()
        self.join(LAST_SECONDS)
        if self.is_alive():
            self._warn("it does not answer")

    def run(self) -> None:
        """The thread: nothing that goes wrong leaves it."""
        with self._held:
            pause = POLL_SECONDS
            while not self._ending.wait(pause):
                pause = POLL_SECONDS if self._attempt(None) else AWAY_SECONDS
            self._attempt(self._status)

    def _attempt(self, status: str | None) -> bool:
        """Bring the server up; with a status, for the last time. False where the server did not take it."""
        try:
            if self._tracked_run is None:
                self._tracked_run = self._opened(nothing_begun=status == "FAILED")
            if self._tracked_run is not None:
                self._tracked_run.bring_up() if status is None else self._tracked_run.end(status)
            return True
        except Exception as error:
            # What the server took of the last request nobody knows: it is asked anew next time.
            self._tracked_run = None
            self._warn(_why(error))
            return False

    def _opened(self, nothing_begun: bool) -> TrackedRun | None:
        """The run as the server has it; None while there is nothing to log, or another command is at it.

        `nothing_begun`: a command that failed before the first look has begun nothing that would be worth it.
        """
        tracking = self._declaration.pipeline.tracking
        if tracking is None or nothing_begun or not self._run_folder.root.is_dir() or not self._mine():
            return None
        server = Server(where(tracking.mlflow, tracking.experiment, self._declaration.folder))
        return TrackedRun(server, self._run_folder, _candidates(self._declaration), _declared(self._declaration))

    def _mine(self) -> bool:
        """Whether this command logs the run: two at once would log points twice."""
        from filelock import FileLock, Timeout  # noqa: PLC0415  (50 ms that commands without tracking need not pay)

        if not self._holds:
            lock = FileLock(self._run_folder.root / TRACKING_LOCK, thread_local=False)
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=0)
                self._held.callback(lock.release)
                self._holds = True
        return self._holds

    def _warn(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            tracking = self._declaration.pipeline.tracking
            target = tracking.mlflow if tracking is not None else ""
            text = f"warning: mlflow at {target}: {why}; the run continues, what is missing is logged later"
            with contextlib.suppress(Exception):  # of a terminal that is gone
                self._say(text, "yellow")


def _why(error: Exception) -> str:
    """What is wrong, in a line: of a server that is away, MLflow says that in five."""
    said = " ".join(str(error).split())
    if any(words in said for words in ("timed out", "Max retries exceeded", "ConnectionError")):
        return "it cannot be reached"
    return said[:200] or type(error).__name__


def _candidates(declaration: Declaration) -> tuple[str, ...]:
    made = [entry.name for entry in declaration.decision.candidates if isinstance(entry, MadeCandidate)]
    return (BASE, *declaration.phases, *made)


def _declared(declaration: Declaration) -> dict[str, Any]:
    return declaration.pipeline.model_dump(mode="json", exclude={"tracking"})
