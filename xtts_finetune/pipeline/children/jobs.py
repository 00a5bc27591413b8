"""The parent's side of the jobs that are no phase: preparing clips, evaluating the base, speaking."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.pipeline.children.endings import how_it_ended
from xtts_finetune.pipeline.children.process import Ended, Interrupted, run_child
from xtts_finetune.pipeline.children.progress import JobWatch, progress_bar
from xtts_finetune.pipeline.children.running import JOB, Work
from xtts_finetune.records.events import failure_of

USER_ERROR = 2
INTERRUPTED = 130


def run_job(
    work: Work,
    name: str,
    kinds: Sequence[str],
    candidate: str = "base",
    fingerprint: str = "",
    child: str = JOB,
) -> None:
    """Run the job's kinds one after another in one child, a module that does them; return when all are done.

    Raises UserError when an input is wrong, WorkFailed with the child's reason, Interrupted on Ctrl-C.
    """
    events, log = work.run.job_events(name), work.run.job_log(name)
    events.unlink(missing_ok=True)
    job = work.job_file(name, candidate=candidate, fingerprint=fingerprint)
    with progress_bar(work.console) as progress:
        watch = JobWatch(progress, name, events)
        ended = run_child(
            work.child_command(child, [*kinds, str(job)]),
            log,
            watch,
            lambda: work.say(f"stopping {name} (Ctrl-C again to end it at once) ..."),
        )
    raise_unless_done(name, ended, failure_of(events), log)


def raise_unless_done(name: str, ended: Ended, reason: str | None, log: Path) -> None:
    """Turn the way a child ended into the exception that the command ends with; none when it is done.

    `reason` is what the child wrote down about its failure; without it the last line that it printed counts.
    """
    if ended.interrupted or ended.status == INTERRUPTED:
        raise Interrupted(f"{name} was interrupted")
    if ended.status == 0:
        return
    if ended.status == USER_ERROR:
        raise UserError(reason or ended.last_line or f"{name}: an input is wrong; see {log}")
    raise WorkFailed(f"{name} failed: {reason or how_it_ended(ended)}", log)
