"""The child process that starts several others, which train one phase together: `python -m ... JOB.json`.

Exit codes are those of a phase's child alone (training/child.py). On a machine that does not lead, the job names no
phase: the leading machine says which.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.child import stop_without_parent
from xtts_finetune.pipeline.children.jobs import oom_kills_so_far
from xtts_finetune.pipeline.children.lock import sweep_leftovers
from xtts_finetune.ranks.outcome import DONE, FAILED, INTERRUPTED, WRONG_INPUT, LaunchFolder
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.events import EventWriter
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.training.phase_work import close, newest_step, phase_of

if TYPE_CHECKING:
    from xtts_finetune.ranks.launch import Ended, Launch

RANK = ("-m", "xtts_finetune.pipeline.phase.child")
HEAR = timedelta(seconds=60)


def main(job_file: Path, rank: Sequence[str] = RANK) -> int:
    """Launch the ranks of the job's phase and wait for their end; returns the exit code of the phase.

    `rank` are the arguments of Python that make a process a rank; the job's file is added.
    """
    job = json.loads(job_file.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="xtts-finetune-launch-", ignore_cleanup_errors=True) as temporary:
        folder = LaunchFolder(Path(temporary))
        try:
            if "phase" not in job:
                threading.Thread(target=stop_without_parent, daemon=True).start()
                if not _hear(job):
                    return DONE
                job_file = folder.path / "job.json"
                write_json_atomic(job_file, job)
            launch = _launch(job, folder)
            ended = launch.run([*rank, str(job_file)], _told(job))
        except UserError as error:
            print(error, file=sys.stderr)
            return WRONG_INPUT
        except KeyboardInterrupt:
            return INTERRUPTED
        return _close(job, ended, folder)


def _hear(job: dict[str, Any]) -> bool:
    """Fill in what the leading machine says of its launch; False where it says nothing new.

    Raises UserError where this machine cannot take part.
    """
    from xtts_finetune.ranks.launch import hear  # noqa: PLC0415  (torch takes seconds)

    launches = job["launches"]
    own = next(iter(launches.values()))
    told = hear(own["host"], own["port"], HEAR)
    if told is None or told["id"] in job["heard"]:
        return False
    phase = told["phase"]
    if phase not in launches:
        raise UserError(
            f"{job['declaration_file']}: the leading machine trains '{phase}', which is not declared here"
        )
    if told["machines"] != own["machines"]:
        raise UserError(
            f"--machines: {own['machines']} here, {told['machines']} on the leading machine; give the same "
            "number everywhere"
        )
    job |= {**told, "launch": launches[phase]}
    write_json_atomic(Path(job["told"]), told)
    return True


def _launch(job: dict[str, Any], folder: LaunchFolder) -> Launch:
    """The launch that the job asks for, which a request to end reaches from now on."""
    from xtts_finetune.ranks.launch import Launch, LaunchPlan  # noqa: PLC0415

    killed_before = oom_kills_so_far()

    def killed_for_memory() -> bool:
        return oom_kills_so_far() > killed_before

    def say(message: str) -> None:
        print(message, file=sys.stderr, flush=True)
        with EventWriter(Path(job["events"]), anew=False) as events:
            events.note(message)

    def tidy() -> None:
        sweep_leftovers(_run(job).root)

    launch = Launch(LaunchPlan(**job["launch"]), job["device"], folder, say, tidy, killed_for_memory)
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: launch.interrupt())
    return launch


def _told(job: dict[str, Any]) -> dict[str, Any]:
    """What the other machines are told of the job."""
    kept = ("phase", "batch_size", "accumulate", "pause_at", "continued_at", "more", "halves")
    return {"id": uuid.uuid4().hex, **{key: job[key] for key in kept if key in job}}


def _close(job: dict[str, Any], ended: Ended, folder: LaunchFolder) -> int:
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


def stop_of_fault(job: dict[str, Any], ended: Ended) -> Stop:
    """The stopping reason of a phase whose ranks were lost once too often."""
    step = newest_step(_run(job).candidate(job["phase"]))
    at = "before its first step" if step is None else f"at step {step}"
    times = "once" if ended.restarts == 1 else f"{ended.restarts} times"
    again = f"it had been started again {times}" if ended.restarts else "it was not to be started again"
    reason = Reason.KILLED if "SIGKILL" in ended.fault else Reason.ERROR
    if ended.memory:
        reason = Reason.OUT_OF_MEMORY
    said = f"out of memory: {ended.fault}" if ended.memory else ended.fault
    return Stop(reason, f"{said} {at}; {again}")


def _write_closing(job: dict[str, Any], stop: Stop) -> None:
    """Close the phase's records on the leading machine; another one says only why."""
    if not job["launch"].get("leads", True):
        told = json.loads(Path(job["told"]).read_text(encoding="utf-8"))
        write_json_atomic(Path(job["told"]), {**told, "reason": stop.reason.value})
        return
    run = _run(job)
    if read_model_info(run.candidate(job["phase"])) is not None:
        return
    declaration = load_declaration(Path(job["declaration_file"]), job["overrides"], run.root)
    phase = phase_of(declaration, job)
    close(run, phase, declaration.pipeline.datasets, job, stop)


def _run(job: dict[str, Any]) -> RunFolder:
    return RunFolder(Path(job["run_folder"]), Path(job["data_folder"]))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1])))
