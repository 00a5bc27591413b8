"""Several machines that train phases together: who leads, what a launch here is told, and how to follow.

A machine that follows lends its processes to the leading one's phases, and keeps no records.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xtts_finetune.errors import DONE, INTERRUPTED, WRONG_INPUT, UserError, WorkFailed
from xtts_finetune.pipeline.children.process import (
    ChildEnd,
    Interrupted,
    ending_like_ctrl_c,
    run_child,
    something_is_kept,
)
from xtts_finetune.pipeline.children.python import python_module
from xtts_finetune.pipeline.children.running import JOIN_SECONDS, TOGETHER, Machines, Work
from xtts_finetune.pipeline.plan.stages import Plan
from xtts_finetune.ranks.network import wait_for
from xtts_finetune.records.job import LaunchNews, LaunchPlan
from xtts_finetune.records.stopping import Reason
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec

if TYPE_CHECKING:
    from rich.console import Console

# So long the leading machine may take to start once more what ran out of memory, with smaller batches.
AGAIN_SECONDS = 180.0


def follow(work: Work, machines: Machines) -> None:
    """Train with the leading machine whatever it starts, until it has nothing more.

    Nothing is written into the run's folder; what the processes print is in a log among temporary files. Raises
    like `run_plan`, with the leading machine's outcome.
    """
    where = f"{machines.host}:{machines.port}"
    work.say(f"waiting for the leading machine at {where}, until it starts training (Ctrl-C to stop) ...")
    folder = Path(tempfile.mkdtemp(prefix="xtts-finetune-follow-"))
    heard: list[str] = []
    patience: float | None = None
    with ending_like_ctrl_c():
        while True:
            if not wait_for(machines.host, machines.port, patience):
                raise WorkFailed(f"the leading machine at {where} did not start again", folder / "log")
            ended = _lend(work, machines, folder, heard)
            told = _heard(folder)
            if told is None:
                # The launch before this one had not closed its door yet, or something else answered there.
                _raise_unless_waiting(ended, folder)
                continue
            heard.append(told.id)
            smaller = told.reason == Reason.OUT_OF_MEMORY.value and told.job.halves
            _raise_unless_done(told.job.phase, ended, folder, smaller)
            if not smaller:
                work.say(f"{told.job.phase}: done")
                if not told.job.more:
                    return
            patience = AGAIN_SECONDS if smaller else None


def _lend(work: Work, machines: Machines, folder: Path, heard: list[str]) -> ChildEnd:
    """One launch, from the other machine's first word to its end."""
    (folder / "told.json").unlink(missing_ok=True)
    launches = {name: launch_of(phase, machines) for name, phase in work.declaration.phases.items()}
    job = replace(
        work.job(folder / "events.jsonl"),
        launches={name: launch for name, launch in launches.items() if launch is not None},
        heard=tuple(heard),
        news=folder / "told.json",
    )
    file = folder / "job.json"
    job.write(file)
    watch = _Watch(work, folder)
    return run_child(python_module(TOGETHER, [str(file)]), folder / "log", watch, watch.stopping)


class _Watch:
    """Says what the launch is of, once that is known."""

    def __init__(self, work: Work, folder: Path) -> None:
        self._work, self._folder, self._said = work, folder, False

    def __call__(self) -> None:
        if not self._said and (told := _heard(self._folder)):
            self._said = True
            self._work.say(f"{told.job.phase}: training with the leading machine")

    def stopping(self) -> None:
        self._work.say("stopping: all machines stop at the same step (Ctrl-C again to stop it at once) ...")


def _heard(folder: Path) -> LaunchNews | None:
    file = folder / "told.json"
    return LaunchNews.read(file) if file.is_file() else None


def _raise_unless_waiting(ended: ChildEnd, folder: Path) -> None:
    if ended.interrupted:
        raise Interrupted("interrupted while waiting for the leading machine")
    if ended.status == WRONG_INPUT:
        raise UserError(ended.last_line or f"an input is wrong; see {folder / 'log'}")
    if ended.status != DONE:
        raise WorkFailed(ended.last_line or "the launch failed", folder / "log")


def _raise_unless_done(phase: str, ended: ChildEnd, folder: Path, smaller: bool) -> None:
    if ended.interrupted or ended.status == INTERRUPTED:
        something_is_kept()  # by the machine that leads
        raise Interrupted(f"{phase} was interrupted")
    if ended.status == DONE or smaller:
        return
    if ended.status == WRONG_INPUT:
        raise UserError(ended.last_line or f"{phase}: an input is wrong; see {folder / 'log'}")
    raise WorkFailed(f"{phase} failed: {ended.last_line}", folder / "log")


def machines_of(
    rendezvous: str | None, count: int | None, number: int | None, join_seconds: int = JOIN_SECONDS
) -> Machines | None:
    """The machines that the command's options name; None for this one alone.

    The one that owns the address leads, unless its `number` says so (0) or says not. Raises UserError for options
    that contradict each other.
    """
    # Not for a command that needs none of it.
    from xtts_finetune.ranks.network import check_free, endpoint, is_own  # noqa: PLC0415

    if rendezvous is None:
        given = {"--machines": count not in (None, 1), "--machine": number is not None}
        for option in (name for name, there in given.items() if there):
            raise UserError(f"{option} needs --rendezvous HOST:PORT: where the machines meet")
        return None
    host, port = endpoint(rendezvous)
    if count is None or count < 2:
        raise UserError(f"--rendezvous needs --machines N, how many meet there, from 2 on, but got {count or 'none'}")
    if number is not None and not 0 <= number < count:
        raise UserError(f"--machine: expected a number from 0 to {count - 1}, but got {number}")
    own = is_own(host)
    leads = own if number is None else number == 0
    if leads and not own:
        raise UserError(f"--machine 0 leads, but {host} is not an address of this machine")
    if leads:
        check_free(host, port)
    return Machines(count, host, port, leads, join_seconds)


def launch_of(phase: PhaseSpec, machines: Machines | None) -> LaunchPlan | None:
    """What a phase's launch is told on this machine; None for a phase that one process trains."""
    if phase.devices == 1 and machines is None:
        return None
    launch = LaunchPlan(phase.devices, phase.restarts, phase.silent_seconds)
    if machines is None:
        return launch
    return replace(
        launch,
        machines=machines.count,
        host=machines.host,
        port=machines.port,
        leads=machines.leads,
        join_seconds=machines.join_seconds,
    )


def processes(phase: PhaseSpec, machines: Machines | None) -> str:
    """'2 processes', '2 machines x 4 processes'; '' for a phase that one process trains."""
    here = "1 process" if phase.devices == 1 else f"{phase.devices} processes"
    if machines is not None:
        return f"{machines.count} machines x {here}"
    return here if phase.devices > 1 else ""


def few_clips(phase: PhaseSpec, machines: Machines | None) -> str | None:
    """What to say of a phase with fewer clips a batch than processes; None where each has its share."""
    count = phase.devices * (machines.count if machines is not None else 1)
    if count == 1 or phase.max_tokens is not None or phase.batch_size >= count:
        return None
    return (
        f"{count} processes share batches of {phase.batch_size} clips, so that some have none to work on; raise "
        "batch_size (and lower accumulate by as much)"
    )


def print_together(declaration: Declaration, plan: Plan, machines: Machines | None, console: Console) -> None:
    """Say which of the plan's phases several processes would train, and where that is of no use."""
    for stage in plan.due:
        if stage.kind != "phase":
            continue
        phase = declaration.phases[stage.name]
        many, few = processes(phase, machines), few_clips(phase, machines)
        if many:
            console.print(f"{stage.name} is trained by {many}.", highlight=False, soft_wrap=True)
        if few:
            console.print(
                f"warning: {stage.name}: {few}", style="yellow", highlight=False, soft_wrap=True, markup=False
            )
