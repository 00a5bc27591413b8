"""Trials brought to their marks together: by this process, and by every `xtts-finetune worker` that takes tasks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from xtts_finetune.errors import WorkFailed
from xtts_finetune.pipeline.children.lock import AtWork, run_lock
from xtts_finetune.pipeline.children.process import ending_like_ctrl_c
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.trials.advance import TrialOutcome, advance, advance_held, is_due, outcome_at
from xtts_finetune.trials.ledger import Taken, TaskLedger
from xtts_finetune.trials.storage import GRACE_SECONDS, name_in_ledger, storage_url, without_password
from xtts_finetune.trials.trial import Task, Trial, task_of


def serve(work: Work, storage: str | None, grace_seconds: int, idle_seconds: float | None) -> None:
    """Do what there is to do, and wait for more; return after `idle_seconds` without any, None for never.

    Raises UserError when an input is wrong on this machine, WorkFailed when the ledger cannot be reached, Interrupted
    on Ctrl-C while a trial is trained: its task is given back.
    """
    url = storage_url(work.run, storage)
    with ending_like_ctrl_c():
        name = _named(work, idle_seconds)
        if name is None:
            return
        ledger = TaskLedger(url, name, grace_seconds)
        work.say(f"worker of {work.declaration.pipeline.name}, ledger\n  {without_password(url)}")
        try:
            _until_idle(lambda: work_once(ledger, work, lambda task: _work_of(work, task)), idle_seconds)
        finally:
            ledger.close()
    work.say("nothing left that this worker could take; stopping")


def _named(work: Work, idle_seconds: float | None) -> str | None:
    """The run's name in the ledger, waited for: the command that asks for work makes it."""

    def there() -> bool:
        return name_in_ledger(work.run, work.declaration.pipeline.name, make=False) is not None

    if not there():
        work.say(f"waiting for a search or a race in {work.run.root} ...")
        _until_idle(there, idle_seconds, once=True)
    return name_in_ledger(work.run, work.declaration.pipeline.name, make=False)


def _until_idle(attempt: Callable[[], bool], idle_seconds: float | None, once: bool = False) -> None:
    """Attempt again and again until nothing has come of it for so long, or something for the first time if `once`."""
    since = time.monotonic()
    while idle_seconds is None or time.monotonic() - since <= idle_seconds:
        if attempt():
            if once:
                return
            since = time.monotonic()
        else:
            time.sleep(POLL_SECONDS)


def _work_of(work: Work, task: Task) -> Work:
    """This machine's work for a task: the declaration as the command has it that asks."""
    if task.overrides == work.overrides:
        return work
    declaration = load_declaration(work.declaration.file, task.overrides, work.run.root)
    return replace(work, declaration=declaration, overrides=task.overrides)


POLL_SECONDS = 1.0
# So long the records that another machine has written may take to be seen on this one.
SEEN_SECONDS = 60.0

Wanted = tuple[Trial, int]
# Brings trials to their steps, in whatever order; the outcomes are in the order of what is wanted.
TrainAll = Callable[[Work, Sequence[Wanted]], list[TrialOutcome]]


def one_by_one(train: Callable[[Work, Trial, int], TrialOutcome] = advance) -> TrainAll:
    """All by this process, one after the other, without a ledger."""
    return lambda work, wanted: [train(work, trial, step) for trial, step in wanted]


@dataclass(frozen=True)
class Crew:
    """This process and the workers of a ledger, if any: each takes what is next."""

    ledger: TaskLedger

    def __call__(self, work: Work, wanted: Sequence[Wanted]) -> list[TrialOutcome]:
        """Bring all trials to their steps, whoever does it; return when each is there.

        Raises UserError when an input is wrong, WorkFailed when a trial cannot be finished by anybody, Interrupted
        on Ctrl-C.
        """
        due = [(trial, step) for trial, step in wanted if is_due(work, trial, step)]
        tasks = {task.key: task for task in (task_of(work, trial, step) for trial, step in due)}
        if tasks:
            self.ledger.post(tasks.values())
            try:
                self._until_done(work, tasks)
            finally:
                self.ledger.withdraw()
        return [outcome_at(trial, step) for trial, step in wanted]

    def _until_done(self, work: Work, tasks: dict[str, Task]) -> None:
        waiting = False
        while True:
            entries = self.ledger.entries()
            open_ = [key for key in tasks if entries[key].state == "open"]
            lost = [str(tasks[key]) for key in tasks if entries[key].state == "lost"]
            if lost:
                raise WorkFailed(
                    f"{', '.join(lost)}: every worker that took it was lost; look at the logs in the trial's folder, "
                    "and check that the machines have enough memory"
                )
            if not open_:
                break
            if work_once(self.ledger, work, lambda _: work):
                waiting = False
                continue
            if not waiting:
                work.say("waiting for " + ", ".join(f"{tasks[k]} ({entries[k].worker or 'nobody yet'})" for k in open_))
            waiting = True
            time.sleep(POLL_SECONDS)
        for key, task in tasks.items():
            _see(work, task, entries[key].step, entries[key].worker)


@dataclass(frozen=True)
class Sharing:
    """Where the ledger is, None for the run's own file, and when a worker counts as dead."""

    storage: str | None = None
    grace_seconds: int = GRACE_SECONDS


ALONE = Sharing()


@contextmanager
def crew_of(work: Work, sharing: Sharing) -> Iterator[Crew]:
    """This process and whoever works for the run. Raises UserError when the ledger cannot be reached."""
    url = storage_url(work.run, sharing.storage)
    name = name_in_ledger(work.run, work.declaration.pipeline.name, make=True)
    assert name is not None
    ledger = TaskLedger(url, name, sharing.grace_seconds)
    try:
        yield Crew(ledger)
    finally:
        ledger.close()


def work_once(ledger: TaskLedger, work: Work, work_for: Callable[[Task], Work]) -> bool:
    """Take a task and do it; False where there was none. `work_for` gives the work that a task belongs to.

    Raises UserError when an input is wrong on this machine, Interrupted on Ctrl-C; the task is given back then.
    """
    with contextlib.ExitStack() as held:
        taken = ledger.take(lambda task: _hold(held, task.trial(work.run)))
        if taken is None:
            return False
        try:
            with ledger.heard_of(taken):
                task = taken.task
                work.say(f"{task}", "bold")
                outcome = advance_held(work_for(task), task.trial(work.run), task.to_step)
        except BaseException:
            _give_back(ledger, taken)
            raise
    best = outcome.best.mel_ce if outcome.best is not None and outcome.status != "failed" else None
    ledger.done(taken, outcome.status, outcome.step, best)
    return True


def _give_back(ledger: TaskLedger, taken: Taken) -> None:
    try:
        ledger.give_back(taken)
    except WorkFailed:
        # The ledger is away: it will miss the heartbeats, and give the task to another worker.
        return


def _hold(held: contextlib.ExitStack, trial: Trial) -> bool:
    """Hold the trial's folder, and no other; False where somebody does, such as a worker that was given up though it
    lives.

    Before the task is ours and until it is done: of two that look at it at once, the one that gets the task would
    else find the folder held by the other one's look.
    """
    # One that was held before has gone to somebody else.
    held.close()
    try:
        held.enter_context(run_lock(trial.folder))
    except AtWork:
        return False
    return True


def _see(work: Work, task: Task, step: int, worker: str) -> None:
    """Wait until this machine sees what a worker has told; a shared folder may lag behind a little."""
    ends = time.monotonic() + SEEN_SECONDS
    while outcome_at(task.trial(work.run), task.to_step).step < step:
        if time.monotonic() > ends:
            raise WorkFailed(
                f"{worker} has brought {task.name} to step {step}, but {work.run.root / task.folder} does not show "
                "it: do all machines see the same folder?"
            )
        time.sleep(POLL_SECONDS)
