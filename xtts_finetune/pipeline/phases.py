"""The parent's side of a phase: clear what is stale, start the child, close what it left open."""

from __future__ import annotations

import shutil

from xtts_finetune.errors import WorkFailed
from xtts_finetune.pipeline.fingerprints import hash_of
from xtts_finetune.pipeline.jobs import how_it_ended, raise_unless_done
from xtts_finetune.pipeline.process import Ended, run_child
from xtts_finetune.pipeline.progress import PhaseWatch, grouped, progress_bar
from xtts_finetune.pipeline.running import TRAINING, Work
from xtts_finetune.pipeline.stage_records import forget_stage, read_phase_yaml, write_phase_yaml
from xtts_finetune.pipeline.stages import Stage, State
from xtts_finetune.records.checkpoints import remove_checkpoint
from xtts_finetune.records.closing import PhaseFacts, now, read_model_info, write_closing
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.sources import source_of

USER_ERROR = 2


def train_phase(work: Work, stage: Stage) -> None:
    """Train the stage's phase in a child of its own; return when it is done.

    Raises UserError when an input is wrong, WorkFailed with the reason, Interrupted on Ctrl-C.
    """
    folder = work.run.candidate(stage.name)
    if stage.state is State.STALE:
        kept = set_aside(work.run, stage.name)
        work.say(f"{stage.name} is stale ({stage.why}): its old model and records are now in {kept}")
    work.say(_announcement(work, stage))
    recorded = read_phase_yaml(folder)
    started = str((recorded or {}).get("started") or now())
    declared = work.declaration.phases[stage.name].model_dump(mode="json")
    fingerprint = write_phase_yaml(folder, stage.inputs, declared, started)
    # The closing records are written last and removed first: their absence says that the phase is not closed.
    folder.model_info.unlink(missing_ok=True)
    folder.stopping_reason.unlink(missing_ok=True)
    job = work.job_file(
        stage.name,
        phase=stage.name,
        fingerprint=fingerprint,
        started=started,
    )
    log, events = work.run.job_log(stage.name), work.run.job_events(stage.name)
    events.unlink(missing_ok=True)
    with progress_bar(work.console) as progress:
        ended = run_child(
            work.child_command(TRAINING, [str(job)]),
            log,
            PhaseWatch(progress, stage.name, folder.metrics, stage.steps, events),
            lambda: work.say(
                f"stopping {stage.name}: it writes its checkpoint (Ctrl-C again to end it at once) ..."
            ),
        )
    if ended.status != USER_ERROR:
        close_phase(work, stage, folder, ended, started)
    info = read_model_info(folder)
    if info is not None and info.get("status") == "done":
        return
    reason = info.get("reason") if info else None
    message = str(reason["message"]) if isinstance(reason, dict) else None
    if info is not None and info.get("status") == "interrupted":
        ended = Ended(ended.status, ended.printed, interrupted=True)
    raise_unless_done(stage.name, ended, message, log)
    raise WorkFailed(f"{stage.name} failed: {message}", log)


def _announcement(work: Work, stage: Stage) -> str:
    begin = f"from {source_of(work.declaration, stage.name)}"
    if stage.resumes_at is not None:
        begin = f"going on from step {grouped(stage.resumes_at)}"
    steps = f"{grouped(stage.steps)} steps " if stage.steps is not None else ""
    goal = work.declaration.phases[stage.name].goal
    return f"{stage.name}: {steps}{begin}" + (f". {goal}" if goal else "")


def close_phase(work: Work, stage: Stage, folder: CandidateFolder, ended: Ended, started: str) -> None:
    """Write the closing records where the child is gone without having written them."""
    if read_model_info(folder) is not None:
        return
    spec = work.declaration.phases[stage.name]
    metrics = read_metrics(folder.metrics)
    last = metrics.steps[-1] if metrics.steps else None
    planned = stage.steps or 0
    facts = PhaseFacts(
        steps_planned=planned,
        # Declared in steps, the epochs follow from those of the steps so far.
        epochs_planned=spec.epochs or (last.epoch * planned / last.step if last and last.step else 0.0),
        batch_size=spec.batch_size,
        learning_rate=spec.learning_rate,
        hyperparameters=spec.model_dump(mode="json", exclude={"goal", "success", "stop_when"}),
        started=started,
        ended=now(),
        seconds=sum(step.seconds for step in metrics.steps) + sum(each.seconds for each in metrics.evals),
        level=None,
        fingerprint=hash_of(stage.inputs),
        command=work.again,
        log=work.run.job_log(stage.name),
    )
    write_closing(folder, facts, stop_of(ended))


def stop_of(ended: Ended) -> Stop:
    """The stopping reason of a child that left none."""
    if ended.interrupted:
        end = (
            "it did not end in time and was killed"
            if ended.killed_by_us
            else "it ended before its records were closed"
        )
        return Stop(Reason.INTERRUPTED, f"interrupted by the user; {end}")
    if ended.signal_name is not None:
        return Stop(Reason.KILLED, how_it_ended(ended))
    if ended.status == 0:
        return Stop(Reason.ERROR, "the process ended without closing its records")
    return Stop(Reason.ERROR, how_it_ended(ended))


def set_aside(run: RunFolder, name: str) -> str:
    """Move a stale phase's model and records to `<phase>.old` without its checkpoints; return the new place.

    What was set aside before is removed. Hours of training are not thrown away for a changed key, but only
    the best model is worth the disk.
    """
    folder, old = run.candidate(name).path, run.root / f"{name}.old"
    shutil.rmtree(old, ignore_errors=True)
    for step, _ in run.candidate(name).checkpoints():
        remove_checkpoint(run.candidate(name), step)
    forget_stage(run, f"{name} utterances")
    folder.rename(old)
    return str(old)


def forget_phase(run: RunFolder, name: str) -> bool:
    """Remove all results of a phase; whether there were any."""
    forget_stage(run, f"{name} utterances")
    folder = run.candidate(name).path
    if not folder.is_dir():
        return False
    shutil.rmtree(folder)
    return True
