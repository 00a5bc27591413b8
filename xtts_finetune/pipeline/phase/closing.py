"""What follows the end of a phase's child: smaller batches where memory ran out, or records and the last word."""

from __future__ import annotations

import contextlib
from typing import Any

from xtts_finetune.errors import WRONG_INPUT, UserError, WorkFailed
from xtts_finetune.look.quantities import grouped
from xtts_finetune.pipeline.children.process import ChildEnd, Interrupted, something_is_kept
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.phase.record import write_record
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.job import Job, RanWith
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.closing import close_phase


def batches_to_go_on_with(work: Work, job: Job) -> RanWith | None:
    """What takes less where memory ran out, said aloud; None where the phase is to end as it did."""
    folder, spec = work.run.candidate(job.phase), work.declaration.phases[job.phase]
    reason = (read_model_info(folder) or {}).get("reason") or {}
    if spec.on_out_of_memory != "halve_batch" or reason.get("name") != Reason.OUT_OF_MEMORY.value:
        return None
    checkpoints = folder.checkpoints()
    smaller = reduced(spec, job.ran_with, checkpoints[-1][0] if checkpoints else 0)
    if smaller is not None:
        work.say(f"{job.phase}: {reason.get('message')}")
        work.say(
            f"  continuing from step {grouped(smaller.from_step)} with {smaller}: "
            f"{smaller.batch_size * smaller.accumulate} clips a step, as before"
        )
    return smaller


def smaller_batch(batch_size: int, accumulate: int) -> tuple[int, int] | None:
    """A batch divided by its smallest prime factor, with that many times the accumulation; None for a batch of 1.

    Even batches are halved; 9 becomes 3 and 3 becomes 1, so that the clips of a step stay the same exactly.
    """
    for factor in range(2, batch_size + 1):
        if batch_size % factor == 0:
            return batch_size // factor, accumulate * factor
    return None


def reduced(phase: PhaseSpec, before: RanWith | None, from_step: int) -> RanWith | None:
    """What to try next after memory ran out with `before` (None: as declared); None for nothing that takes less.

    Layers computed twice first: a step in several smaller batches holds its gradients while the next batch needs
    memory for itself, so that three clips one by one take more than three at once.
    """
    batch_size = phase.batch_size if before is None else before.batch_size
    accumulate = phase.accumulate if before is None else before.accumulate
    why = f"out of memory with batch_size {batch_size}"
    if not phase.gradient_checkpointing and (before is None or not before.gradient_checkpointing):
        return RanWith(batch_size, accumulate, from_step, why, gradient_checkpointing=True)
    smaller = smaller_batch(batch_size, accumulate)
    if smaller is None:
        return None
    return RanWith(*smaller, from_step, f"{why} and gradient_checkpointing", not phase.gradient_checkpointing)


def close_or_fail(work: Work, job: Job, stop: Stop) -> None:
    """Close a phase whose child did not. Raises WorkFailed with the reason when the records cannot be written."""
    try:
        close_phase(work.declaration, job, stop)
    except OSError as error:
        said = f"{job.phase} failed: {stop.message}\n  this could not be written down ({error})"
        raise WorkFailed(said, work.run.job_log(job.phase)) from error


def record_phase(work: Work, name: str) -> None:
    """Write RECORD.md; where the disk has no room for it, the phase's other records say the same."""
    with contextlib.suppress(OSError):
        write_record(work.declaration, work.run, name)


def raise_unless_complete(work: Work, name: str, ended: ChildEnd) -> None:
    """Turn a phase's closing record into the exception that the command ends with; none when it is done."""
    info, log = read_model_info(work.run.candidate(name)), work.run.job_log(name)
    if info is None:
        # The child refused before it began, so there is nothing to close.
        raise UserError(ended.last_line or f"{name}: an input is wrong; see {log}")
    if work.run.candidate(name).recorded_steps():
        something_is_kept()
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
    raise UserError(message) if ended.status == WRONG_INPUT else WorkFailed(message, log)


def failure_text(info: dict[str, Any]) -> str:
    """Why a phase failed and what to do, on two lines."""
    command = f"  {info['command']}" if info.get("command") else ""
    return f"{info['candidate']} failed: {info['reason']['message']}\n  {info.get('advice', '')}{command}"
