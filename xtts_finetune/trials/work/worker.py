"""What `xtts-finetune worker` does: takes tasks of a run, on any machine that sees the run's folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from xtts_finetune.pipeline.children.interrupted import ending_like_ctrl_c
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.trials.work.crew import POLL_SECONDS, work_once
from xtts_finetune.trials.work.ledger import Ledger
from xtts_finetune.trials.work.storage import name_in_ledger, storage_url, without_password
from xtts_finetune.trials.work.tasks import Task


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
        ledger = Ledger(url, name, grace_seconds)
        work.say(f"worker of {work.declaration.pipeline.name}, ledger {without_password(url)}")
        try:
            _until_idle(lambda: work_once(ledger, work, lambda task: _work_of(work, task)), idle_seconds)
        finally:
            ledger.close()
    work.say("no more work; ended")


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
