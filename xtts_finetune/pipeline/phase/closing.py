"""Closing a phase whose child is gone: the records, and what the command says of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xtts_finetune.data.planned import Planned
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.pipeline.children.process import Ended, Interrupted
from xtts_finetune.pipeline.children.running import Work, next_commands
from xtts_finetune.pipeline.phase.record import write_record
from xtts_finetune.pipeline.phase.smaller_batch import RanWith, as_it_ran
from xtts_finetune.pipeline.plan.inputs import planned_phase
from xtts_finetune.records.closing import read_model_info, write_closing
from xtts_finetune.records.metrics import Metrics, read_metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.training.closing import phase_facts

USER_ERROR = 2


@dataclass(frozen=True)
class Started:
    """A phase as it was started: `started` is the time of its first start, `ran_with` the batches if reduced.

    `continued`: each time that it went on under other values, from which step and what was changed.
    """

    name: str
    started: str
    fingerprint: str
    ran_with: RanWith | None
    continued: tuple[Mapping[str, Any], ...] = ()


def close_phase(work: Work, phase: Started, stop: Stop) -> None:
    """Write the closing records and RECORD.md of a phase whose child left none.

    Raises WorkFailed with the reason when the records cannot be written.
    """
    folder, log = work.run.candidate(phase.name), work.run.job_log(phase.name)
    try:
        metrics = read_metrics(folder.metrics)
    except UserError:
        metrics = Metrics()  # write_closing says so
    ran_with = phase.ran_with.to_json() if phase.ran_with else None
    facts = phase_facts(
        phase.name,
        as_it_ran(work.declaration.phases[phase.name], phase.ran_with),
        _planned(work, phase),
        metrics,
        stop,
        started=phase.started,
        fingerprint=phase.fingerprint,
        log=log,
        commands=next_commands(work),
        ran_with=ran_with,
    )
    try:
        write_closing(folder, facts, stop)
    except OSError as error:
        said = f"{phase.name} failed: {stop.message}\n  this could not be written down ({error})"
        raise WorkFailed(said, log) from error


def record_phase(work: Work, name: str) -> None:
    """Write RECORD.md; where the disk has no room for it, the phase's other records say the same."""
    with contextlib.suppress(OSError):
        write_record(work.declaration, work.run, name)


def raise_unless_complete(work: Work, name: str, ended: Ended) -> None:
    """Turn a phase's closing record into the exception that the command ends with; none when it is done."""
    info, log = read_model_info(work.run.candidate(name)), work.run.job_log(name)
    if info is None:
        # The child refused before it began, so there is nothing to close.
        raise UserError(ended.last_line or f"{name}: an input is wrong; see {log}")
    if info.get("status") == "done" and not ended.interrupted:
        return
    if info.get("status") == "done":
        # What comes after it was not asked for any more.
        raise Interrupted(f"interrupted when {name} was done")
    if info["reason"]["name"] == Reason.PAUSED.value and not ended.interrupted:
        return
    if info.get("status") == "interrupted":
        raise Interrupted(f"{name} was interrupted")
    message = failure_text(info)
    raise UserError(message) if ended.status == USER_ERROR else WorkFailed(message, log)


def failure_text(info: dict[str, Any]) -> str:
    """Why a phase failed and what to do, on two lines."""
    command = f"  {info['command']}" if info.get("command") else ""
    return f"{info['candidate']} failed: {info['reason']['message']}\n  {info.get('advice', '')}{command}"


def _planned(work: Work, phase: Started) -> Planned | None:
    """How long the phase was to be; None where its clips were not counted."""
    with contextlib.suppress(UserError):
        return planned_phase(work.declaration, work.run, phase.name)
    return None
