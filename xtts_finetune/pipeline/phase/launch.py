"""The child process that starts several others, which train one phase together: `python -m ... JOB.json`.

Exit codes are those of a phase's child alone (training/child.py). On a machine that does not lead, the job names no
phase: the leading machine says which.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from xtts_finetune.errors import DONE, FAILED, INTERRUPTED, WRONG_INPUT, UserError
from xtts_finetune.pipeline.children.child import Parent
from xtts_finetune.pipeline.children.jobs import oom_kills_so_far
from xtts_finetune.pipeline.children.lock import sweep_leftovers
from xtts_finetune.pipeline.children.python import module_arguments
from xtts_finetune.ranks.outcome import LaunchFolder
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.job import EventWriter, Job, LaunchNews
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.training.closing import close_phase
from xtts_finetune.training.phase_work import newest_step

if TYPE_CHECKING:
    from xtts_finetune.ranks.launch import Launch, LaunchEnd

RANK = tuple(module_arguments("xtts_finetune.pipeline.phase.child"))
HEAR = timedelta(seconds=60)


def main(job_file: Path, rank: Sequence[str] = RANK) -> int:
    """Launch the ranks of the job's phase and wait for their end; returns the exit code of the phase.

    `rank` are the arguments of Python that make a process a rank; the job's file is added.
    """
    job = Job.read(job_file)
    with tempfile.TemporaryDirectory(prefix="xtts-finetune-launch-", ignore_cleanup_errors=True) as temporary:
        folder = LaunchFolder(Path(temporary))
        try:
            if not job.phase:
                Parent().start()
                heard = hear_leading(job)
                if heard is None:
                    return DONE
                job, job_file = heard, folder.path / "job.json"
                job.write(job_file)
            launch = _launch(job, folder)
            ended = launch.run([*rank, str(job_file)], LaunchNews(uuid.uuid4().hex, job))
        except UserError as error:
            print(error, file=sys.stderr)
            return WRONG_INPUT
        except KeyboardInterrupt:
            return INTERRUPTED
        return _close(job, ended, folder)


def hear_leading(job: Job) -> Job | None:
    """The leading machine's job with this one's declaration, folders and device; None where it says nothing new.

    Raises UserError where this machine cannot take part.
    """
    from xtts_finetune.ranks.launch import hear  # noqa: PLC0415  (torch takes seconds)

    own = next(iter(job.launches.values()))
    assert own.host is not None and job.news is not None  # as every machine's that follows
    news = hear(own.host, own.port, HEAR)
    if news is None or news.id in job.heard:
        return None
    phase, machines = news.job.phase, news.job.launch.machines if news.job.launch else 1
    if phase not in job.launches:
        raise UserError(
            f"{job.declaration_file}: the leading machine trains '{phase}', which is not in the config here"
        )
    if machines != own.machines:
        raise UserError(
            f"--machines: {own.machines} here, {machines} on the leading machine; give the same number everywhere"
        )
    news.write(job.news)
    return replace(
        news.job,
        declaration_file=job.declaration_file,
        overrides=job.overrides,
        run_folder=job.run_folder,
        data_folder=job.data_folder,
        device=job.device,
        events=job.events,
        launch=job.launches[phase],
        news=job.news,
    )


def _launch(job: Job, folder: LaunchFolder) -> Launch:
    """The launch that the job asks for, which a request to end reaches from now on."""
    from xtts_finetune.ranks.launch import Launch  # noqa: PLC0415

    killed_before = oom_kills_so_far()

    def killed_for_memory() -> bool:
        return oom_kills_so_far() > killed_before

    def say(message: str) -> None:
        print(message, file=sys.stderr, flush=True)
        with EventWriter(job.events, anew=False) as events:
            events.note(message)

    def tidy() -> None:
        sweep_leftovers(job.run_folder)

    assert job.launch is not None
    launch = Launch(job.launch, job.device, folder, say, tidy, killed_for_memory)
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: launch.interrupt())
    return launch


def _close(job: Job, ended: LaunchEnd, folder: LaunchFolder) -> int:
    """Say how it ended, and write the closing records that no rank has written; returns the exit code."""
    outcome = ended.outcome
    if outcome is not None:
        if outcome.stop is not None and outcome.went_wrong:
            _write_closing(job, outcome.stop)
        if outcome.message and outcome.went_wrong:
            print(outcome.message, file=sys.stderr)
        return outcome.code
    if folder.is_set():
        return INTERRUPTED
    stop = stop_of_fault(job, ended)
    _write_closing(job, stop)
    print(stop.message, file=sys.stderr)
    return FAILED


def stop_of_fault(job: Job, ended: LaunchEnd) -> Stop:
    """The stopping reason of a phase whose ranks were lost once too often."""
    step = newest_step(job)
    at = "before its first step" if step is None else f"at step {step}"
    times = "once" if ended.restarts == 1 else f"{ended.restarts} times"
    again = f"it had been started again {times}" if ended.restarts else "it was not to be started again"
    reason = Reason.KILLED if "SIGKILL" in ended.fault else Reason.ERROR
    if ended.memory:
        reason = Reason.OUT_OF_MEMORY
    said = f"out of memory: {ended.fault}" if ended.memory else ended.fault
    return Stop(reason, f"{said} {at}; {again}")


def _write_closing(job: Job, stop: Stop) -> None:
    """Close the phase's records on the leading machine; another one says only why."""
    if job.news is not None:
        replace(LaunchNews.read(job.news), reason=stop.reason.value).write(job.news)
    elif read_model_info(job.run.candidate(job.phase)) is None:
        close_phase(load_declaration(job.declaration_file, job.overrides, job.run_folder), job, stop)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1])))
