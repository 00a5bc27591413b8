"""The parent's side of a phase: clear what is stale, start the child, close what it left open."""

from __future__ import annotations

import shutil
from dataclasses import replace

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.commands import next_commands
from xtts_finetune.pipeline.disk import free_bytes
from xtts_finetune.pipeline.endings import oom_kills_so_far, stop_of
from xtts_finetune.pipeline.fingerprints import hash_of
from xtts_finetune.pipeline.machines import launch_of, processes
from xtts_finetune.pipeline.phase_closing import (
    USER_ERROR,
    Started,
    close_phase,
    raise_unless_complete,
    record_phase,
)
from xtts_finetune.pipeline.process import Ended, run_child
from xtts_finetune.pipeline.progress import PhaseWatch, grouped, progress_bar
from xtts_finetune.pipeline.running import TOGETHER, TRAINING, Work
from xtts_finetune.pipeline.smaller_batch import RanWith, recorded_batches, reduced
from xtts_finetune.pipeline.stage_records import forget_stage, read_phase_yaml, write_phase_yaml
from xtts_finetune.pipeline.stages import Stage, State
from xtts_finetune.pipeline.values import value_lines
from xtts_finetune.records.checkpoints import remove_checkpoint
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.faults import stop_of_error
from xtts_finetune.records.reserve import free_reserve, make_reserve
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason
from xtts_finetune.records.times import now
from xtts_finetune.spec.sources import source_of


def train_phase(work: Work, stage: Stage, pause_at: int | None = None, more: bool = False) -> None:
    """Train the stage's phase in a child of its own; return when it is done, or waits at step `pause_at`.

    `more`: whether this command will train others after it, for which other machines should stay. Where it is
    declared so, a phase that runs out of memory goes on once with smaller batches.
    Raises UserError when an input is wrong, WorkFailed with the reason, Interrupted on Ctrl-C.
    """
    if stage.state is State.STALE:
        kept = set_aside(work.run, stage.name)
        work.say(f"{stage.name} is stale ({stage.why}): its old model and records are now in {kept}")
    phase = _as_recorded(work, stage)
    work.say(_announcement(work, stage, phase.ran_with))
    for line in value_lines(work.declaration, stage.name):
        work.say(line)
    try:
        ended = _run(work, stage, phase, pause_at, more)
        smaller = _smaller_batches(work, phase)
        if smaller is not None:
            phase = replace(phase, ran_with=smaller)
            ended = _run(work, stage, phase, pause_at, more)
    except (OSError, UserError) as error:
        # Ours, not the child's: no room for a record, or one that somebody has damaged meanwhile.
        close_phase(work, phase, stop_of_error(error))
        ended = Ended(USER_ERROR if isinstance(error, UserError) else 1, str(error))
    record_phase(work, stage.name)
    raise_unless_complete(work, stage.name, ended)


def _as_recorded(work: Work, stage: Stage) -> Started:
    """The phase as it was started before, or as it starts now."""
    recorded = read_phase_yaml(work.run.candidate(stage.name))
    fingerprint = hash_of(stage.inputs)
    spec = work.declaration.phases[stage.name]
    started = str((recorded or {}).get("started") or now())
    return Started(stage.name, started, fingerprint, recorded_batches(recorded, fingerprint, spec))


def _run(work: Work, stage: Stage, phase: Started, pause_at: int | None, more: bool) -> Ended:
    """Run the child until it ends, and see to it that the phase is closed then."""
    name, folder = stage.name, work.run.candidate(stage.name)
    declared = work.declaration.phases[name].model_dump(mode="json")
    ran_with = phase.ran_with.to_json() if phase.ran_with else None
    write_phase_yaml(folder, stage.inputs, declared, phase.started, ran_with)
    make_reserve(folder.path)
    # The closing records are written last and removed first: their absence says that the phase is not closed.
    folder.model_info.unlink(missing_ok=True)
    folder.stopping_reason.unlink(missing_ok=True)
    job: dict[str, object] = {"phase": name, "fingerprint": phase.fingerprint, "started": phase.started}
    if phase.ran_with is not None:
        batches = {"batch_size": phase.ran_with.batch_size, "accumulate": phase.ran_with.accumulate}
        job |= {**batches, "ran_with": ran_with}
    if pause_at is not None:
        job["pause_at"] = pause_at
    together = launch_of(work.declaration.phases[name], work.machines)
    if together is not None:
        halves = work.declaration.phases[name].on_out_of_memory == "halve_batch"
        job |= {"launch": together, "more": more, "halves": halves}
    file = work.job_file(name, **job, commands=next_commands(work))
    events = work.run.job_events(name)
    events.unlink(missing_ok=True)
    # Asked anew: an older child may have saved meanwhile, and the child before this one has.
    resumes_at = max(folder.recorded_steps(), default=None)
    kills_before = oom_kills_so_far()
    with progress_bar(work.console) as progress:
        ended = run_child(
            work.child_command(TRAINING if together is None else TOGETHER, [str(file)]),
            work.run.job_log(name),
            PhaseWatch(progress, name, folder.metrics, stage.steps, events, resumes_at),
            lambda: work.say(
                f"stopping {name}: it writes its checkpoint (Ctrl-C again to end it at once) ..."
            ),
        )
    if read_model_info(folder) is None and ended.status != USER_ERROR:
        kills = oom_kills_so_far() - kills_before
        close_phase(work, phase, stop_of(ended, kills, free_bytes(folder.path)))
    free_reserve(folder.path)
    return ended


def _smaller_batches(work: Work, phase: Started) -> RanWith | None:
    """The batches to go on with where memory ran out, said aloud; None where the phase is to end as it did."""
    folder, spec = work.run.candidate(phase.name), work.declaration.phases[phase.name]
    reason = (read_model_info(folder) or {}).get("reason") or {}
    if spec.on_out_of_memory != "halve_batch" or reason.get("name") != Reason.OUT_OF_MEMORY.value:
        return None
    checkpoints = folder.checkpoints()
    smaller = reduced(spec, phase.ran_with, checkpoints[-1][0] if checkpoints else 0)
    if smaller is not None:
        work.say(f"{phase.name}: {reason.get('message')}")
        work.say(
            f"  going on from step {grouped(smaller.from_step)} with batch_size {smaller.batch_size} and "
            f"accumulate {smaller.accumulate}: {smaller.batch_size * smaller.accumulate} clips a step, as before"
        )
    return smaller


def _announcement(work: Work, stage: Stage, ran_with: RanWith | None) -> str:
    begin = f"from {source_of(work.declaration, stage.name)}"
    if stage.resumes_at is not None:
        begin = f"going on from step {grouped(stage.resumes_at)}"
    steps = f"{grouped(stage.steps)} steps " if stage.steps is not None else ""
    goal = work.declaration.phases[stage.name].goal
    batches = ""
    if ran_with is not None:
        batches = f" (batch_size {ran_with.batch_size}, accumulate {ran_with.accumulate}: {ran_with.why})"
    many = processes(work.declaration.phases[stage.name], work.machines)
    on = f", on {many}" if many else ""
    return f"{stage.name}: {steps}{begin}{batches}{on}" + (f". {goal}" if goal else "")


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
