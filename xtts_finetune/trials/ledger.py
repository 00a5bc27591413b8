"""The ledger: which trial is to be brought to which step, who is at it, and that nobody's work is lost.

It is an Optuna study that is used as a queue: a task waits (WAITING), is taken by one worker (RUNNING), and is done
(COMPLETE). A worker that has it sends heartbeats; when they cease, the task waits again for another one. What a task
comes to is not in here but in the trial's folder, so that a ledger may be lost without anything else being lost.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xtts_finetune import __version__
from xtts_finetune.errors import UserError
from xtts_finetune.records.run_folder import ledger_lock
from xtts_finetune.trials.storage import GRACE_SECONDS, SharedStudy, reaching
from xtts_finetune.trials.trial import Task, read_task

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

# A task that has cost so many workers is not given to another one.
MOST_LOST = 3
SESSION = "session"


@dataclass(frozen=True)
class Taken:
    """A task that this process has, until it is done or given back."""

    task: Task
    id: int


@dataclass(frozen=True)
class TaskState:
    """How a task stands. `status` and `step` are what its worker has told of the trial."""

    state: Literal["open", "done", "lost"]
    worker: str = ""
    status: str = ""
    step: int = 0


class TaskLedger(SharedStudy):
    """The tasks of one run. `post` and `entries` are for the command that asks, the rest for all who work."""

    def __init__(self, url: str, name: str, grace_seconds: int = GRACE_SECONDS) -> None:
        """Open the run's part of the database. Raises UserError when it cannot be reached."""
        self.name = name
        super().__init__(url, f"{name} work", grace_seconds, self._wait_again)

    def post(self, tasks: Iterable[Task]) -> None:
        """Ask for tasks; whatever an earlier command has asked for does not count any more."""
        from optuna.trial import TrialState, create_trial  # noqa: PLC0415  heavy

        with reaching(self.url):
            session = uuid.uuid4().hex
            self._study.set_user_attr(SESSION, session)
            for task in tasks:
                what = {"task": task.to_json(), "key": task.key, "version": __version__, "lost": 0}
                attributes = {**what, SESSION: session}
                self._study.add_trial(create_trial(state=TrialState.WAITING, user_attrs=attributes))

    def entries(self) -> dict[str, TaskState]:
        """How the tasks that count stand, by key."""
        with reaching(self.url):
            session = self._study.user_attrs.get(SESSION)
            rows = self._study.get_trials(deepcopy=False)
        # Later rows are later attempts.
        return {row.user_attrs["key"]: _entry(row) for row in rows if row.user_attrs.get(SESSION) == session}

    def withdraw(self) -> None:
        """Ask for nothing any more: tasks that nobody has taken are not begun."""
        with reaching(self.url):
            self._study.set_user_attr(SESSION, "")

    def take(self, free: Callable[[Task], bool]) -> Taken | None:
        """Take a task for which `free` holds, the first posted first; None when there is none.

        `free` may hold what the task needs: it is asked before a task is taken, and of tasks that another one then is
        faster to take.

        Raises UserError when the tasks are of another version of this package: its trials might differ.
        """
        from optuna.trial import TrialState  # noqa: PLC0415  heavy

        self.recover()
        with reaching(self.url):
            session = self._study.user_attrs.get(SESSION)
            for row in self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
                if row.user_attrs.get(SESSION) != session:
                    continue
                if row.user_attrs["version"] != __version__:
                    other = row.user_attrs["version"]
                    raise UserError(
                        f"the work was asked for by xtts-finetune {other}, but this is {__version__}; "
                        "install the same version"
                    )
                task = read_task(row.user_attrs["task"])
                if free(task) and self._claim(row):
                    return Taken(task, row._trial_id)
        return None

    def done(self, taken: Taken, status: str, step: int, value: float | None) -> None:
        """Say that a task is done; `value` is the trial's best mel_ce, for those who look into the database.

        Whoever was given up as dead meanwhile tells in vain: the trial's folder has its work all the same.
        """
        from optuna.exceptions import UpdateFinishedTrialError  # noqa: PLC0415  heavy
        from optuna.trial import TrialState  # noqa: PLC0415

        with reaching(self.url), contextlib.suppress(UpdateFinishedTrialError):
            self._storage.set_trial_user_attr(taken.id, "told", {"status": status, "step": step})
            values = [float("inf") if value is None else value]
            self._storage.set_trial_state_values(taken.id, TrialState.COMPLETE, values)

    def give_back(self, taken: Taken) -> None:
        """Let another worker have the task."""
        from optuna.exceptions import UpdateFinishedTrialError  # noqa: PLC0415  heavy
        from optuna.trial import TrialState  # noqa: PLC0415

        with reaching(self.url), contextlib.suppress(UpdateFinishedTrialError):
            row = self._storage.get_trial(taken.id)
            if self._storage.set_trial_state_values(taken.id, TrialState.FAIL):
                self._post_again(self._study, row, row.user_attrs["lost"])

    def recover(self) -> None:
        """Let the tasks of workers that are not heard of any more wait for others."""
        from optuna.storages import fail_stale_trials  # noqa: PLC0415  heavy

        with reaching(self.url), self._alone():
            fail_stale_trials(self._study)

    @contextmanager
    def heard_of(self, taken: Taken) -> Iterator[None]:
        """Send heartbeats for a task, and look after those of others, until the block is left."""
        over = threading.Event()
        interval = self._storage.get_heartbeat_interval()

        def beat() -> None:
            while not over.wait(interval):
                # A database that is away for a moment costs a heartbeat, not the work.
                with contextlib.suppress(Exception):
                    self._storage.record_heartbeat(taken.id)
                    self.recover()
            self._storage.remove_session()

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _claim(self, row: FrozenTrial) -> bool:
        """Make the waiting task ours; False where somebody was faster."""
        from optuna.exceptions import UpdateFinishedTrialError  # noqa: PLC0415  heavy
        from optuna.trial import TrialState  # noqa: PLC0415

        with self._alone(), contextlib.suppress(UpdateFinishedTrialError):
            # First the heartbeat: without one, a worker that dies at once would have the task forever.
            self._storage.record_heartbeat(row._trial_id)
            if self._storage.set_trial_state_values(row._trial_id, TrialState.RUNNING):
                self._storage.set_trial_user_attr(row._trial_id, "worker", worker_name())
                return True
        return False

    def _wait_again(self, study: Study, row: FrozenTrial) -> None:
        lost = row.user_attrs["lost"] + 1
        if lost < MOST_LOST:
            self._post_again(study, row, lost)

    @staticmethod
    def _post_again(study: Study, row: FrozenTrial, lost: int) -> None:
        from optuna.trial import TrialState, create_trial  # noqa: PLC0415  heavy

        attributes = {key: value for key, value in row.user_attrs.items() if key not in ("worker", "told")}
        study.add_trial(create_trial(state=TrialState.WAITING, user_attrs={**attributes, "lost": lost}))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Between reading a state and changing it, PostgreSQL locks the row; SQLite has no such locks."""
        database = self._storage.engine.url.database
        if not self.url.startswith("sqlite") or not database:
            yield
            return
        from filelock import FileLock  # noqa: PLC0415  (50 ms)

        with FileLock(ledger_lock(Path(database))):
            yield


def worker_name() -> str:
    """This process among all machines."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _entry(row: FrozenTrial) -> TaskState:
    told: Mapping[str, Any] = row.user_attrs.get("told") or {}
    state: Literal["open", "done", "lost"] = "open"
    if row.state.is_finished():
        state = "done" if row.state.name == "COMPLETE" else "lost"
    worker = str(row.user_attrs.get("worker", ""))
    return TaskState(state, worker, str(told.get("status", "")), int(told.get("step", 0)))
