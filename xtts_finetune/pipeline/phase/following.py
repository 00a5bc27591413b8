"""A machine that does not lead: it lends its processes to the leading one's phases, and keeps no records."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.pipeline.children.interrupted import Interrupted, ending_like_ctrl_c
from xtts_finetune.pipeline.children.process import Ended, run_child
from xtts_finetune.pipeline.children.running import TOGETHER, Machines, Work
from xtts_finetune.pipeline.phase.machines import launch_of
from xtts_finetune.ranks.network import wait_for
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.stopping import Reason

# So long the leading machine may take to start once more what ran out of memory, with smaller batches.
AGAIN_SECONDS = 180.0
DONE, WRONG_INPUT, INTERRUPTED = 0, 2, 130


def follow(work: Work, machines: Machines) -> None:
    """Train with the leading machine whatever it starts, until it has nothing more.

    Nothing is written into the run's folder; what the processes print is in a log among temporary files. Raises
    like `run_plan`, with the leading machine's outcome.
    """
    where = f"{machines.host}:{machines.port}"
    work.say(f"waiting for the leading machine at {where}, until it comes to train (Ctrl-C to end it) ...")
    folder = Path(tempfile.mkdtemp(prefix="xtts-finetune-follow-"))
    heard: list[str] = []
    patience: float | None = None
    with ending_like_ctrl_c():
        while True:
            if not wait_for(machines.host, machines.port, patience):
                raise WorkFailed(f"the leading machine at {where} did not start again", folder / "log")
            ended = _lend(work, machines, folder, heard)
            told = _heard(folder)
            if not told:
                # The launch before this one had not closed its door yet, or something else answered there.
                _raise_unless_waiting(ended, folder)
                continue
            heard.append(told["id"])
            smaller = told.get("reason") == Reason.OUT_OF_MEMORY.value and told["halves"]
            _raise_unless_done(told["phase"], ended, folder, smaller)
            if not smaller:
                work.say(f"{told['phase']}: done")
                if not told["more"]:
                    return
            patience = AGAIN_SECONDS if smaller else None


def _lend(work: Work, machines: Machines, folder: Path, heard: list[str]) -> Ended:
    """One launch, from the other machine's first word to its end."""
    (folder / "told.json").unlink(missing_ok=True)
    phases = work.declaration.phases
    job = {
        "declaration_file": str(work.declaration.file),
        "overrides": list(work.overrides),
        "run_folder": str(work.run.root),
        "data_folder": str(work.run.data_root),
        "device": work.device,
        "events": str(folder / "events.jsonl"),
        "launches": {name: launch_of(phase, machines) for name, phase in phases.items()},
        "heard": heard,
        "told": str(folder / "told.json"),
    }
    file = folder / "job.json"
    write_json_atomic(file, job)
    watch = _Watch(work, folder)
    return run_child([sys.executable, "-m", TOGETHER, str(file)], folder / "log", watch, watch.stopping)


class _Watch:
    """Says what the launch is of, once that is known."""

    def __init__(self, work: Work, folder: Path) -> None:
        self._work, self._folder, self._said = work, folder, False

    def __call__(self) -> None:
        if not self._said and (told := _heard(self._folder)):
            self._said = True
            self._work.say(f"{told['phase']}: training with the leading machine")

    def stopping(self) -> None:
        self._work.say("stopping: all machines stop at the same step (Ctrl-C again to end it at once) ...")


def _heard(folder: Path) -> dict[str, Any]:
    file = folder / "told.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _raise_unless_waiting(ended: Ended, folder: Path) -> None:
    if ended.interrupted:
        raise Interrupted("interrupted while waiting for the leading machine")
    if ended.status == WRONG_INPUT:
        raise UserError(ended.last_line or f"an input is wrong; see {folder / 'log'}")
    if ended.status != DONE:
        raise WorkFailed(ended.last_line or "the launch failed", folder / "log")


def _raise_unless_done(phase: str, ended: Ended, folder: Path, smaller: bool) -> None:
    if ended.interrupted or ended.status == INTERRUPTED:
        raise Interrupted(f"{phase} was interrupted")
    if ended.status == DONE or smaller:
        return
    if ended.status == WRONG_INPUT:
        raise UserError(ended.last_line or f"{phase}: an input is wrong; see {folder / 'log'}")
    raise WorkFailed(f"{phase} failed: {ended.last_line}", folder / "log")
