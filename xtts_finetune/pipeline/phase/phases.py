"""The parent's side of a phase: clear what is stale, start the child, close what it left open."""

from __future__ import annotations

from dataclasses import replace

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.jobs import oom_kills_so_far, stop_of
from xtts_finetune.pipeline.children.process import Ended, run_child
from xtts_finetune.pipeline.children.progress import PhaseWatch, progress_bar
from xtts_finetune.pipeline.children.running import TOGETHER, TRAINING, Work, next_commands
from xtts_finetune.pipeline.phase.closing import (
    USER_ERROR,
    Started,
    close_phase,
    raise_unless_complete,
    record_phase,
)
from xtts_finetune.pipeline.phase.machines import launch_of, processes
from xtts_finetune.pipeline.phase.smaller_batch import RanWith, recorded_batches, reduced
from xtts_finetune.pipeline.plan.disk import free_bytes
from xtts_finetune.pipeline.plan.plan_table import value_lines
from xtts_finetune.pipeline.plan.stage_records import hash_of, read_phase_yaml, write_phase_yaml
from xtts_finetune.pipeline.plan.stages import Stage, State
from xtts_finetune.pipeline.tries.tries import bring_back, keep_finished, needed_of, set_aside, uses_of
from xtts_finetune.quantities import grouped, now
from xtts_finetune.records.atomic import free_reserve, make_reserve
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.faults import stop_of_error
from xtts_finetune.records.stopping import Reason
from xtts_finetune.records.tries import EarlierTry
from xtts_finetune.spec.sources import source_of


def train_phase(work: Work, stage: Stage, pause_at: int | None = None, more: bool = False) -> None:
    """Train the stage's phase in a child of its own; return when it is done, or waits at step `pause_at`.

    `more`: whether this command will train others after it, for which other machines should stay. Where it is
    declared so, a phase that runs out of memory goes on once with smaller batches.
    Raises UserError when an input is wrong, WorkFailed with the reason, Interrupted on Ctrl-C.
    """
    if _make_way(work, stage):
        return
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


def _make_way(work: Work, stage: Stage) -> bool:
    """Keep what is there of the phase before anything of it changes; whether that was all there was to do."""
    name, earlier = stage.name, stage.brings_back
    needed = needed_of(work.declaration, work.run, name)
    if earlier is not None:
        aside = bring_back(work.run, earlier, needed, stays=bool(uses_of(work.declaration, earlier)))
        work.say(f"{name}: {earlier.name} is brought back: it was trained from exactly what is declared now")
        if aside is not None:
            work.say(f"  what was there is now the earlier try {aside.name}")
        return stage.resumes_at is None
    if stage.state is State.STALE:
        say_set_aside(
            work, name, set_aside(work.run, name, stage.why, needed), f"{name} is stale ({stage.why})"
        )
    elif stage.continued and (kept := keep_finished(work.run, name, stage.why, needed)) is not None:
        work.say(f"{name} as it was is kept as the earlier try {kept.name}")
    return False


def say_set_aside(work: Work, name: str, aside: EarlierTry | None, why: str) -> None:
    """Say where the results of a phase are now, or that there were none worth keeping."""
    if aside is None:
        work.say(f"{why}: what was there never beat its start, so nothing of it is kept")
    else:
        work.say(f"{why}: what was there is now the earlier try {aside.name}")
        if not aside.folder.checkpoints():
            work.say(
                "  it can be brought back and used; its last checkpoint, to train it longer, is not kept"
            )


def _as_recorded(work: Work, stage: Stage) -> Started:
    """The phase as it was started before, or as it starts now."""
    recorded = read_phase_yaml(work.run.candidate(stage.name)) or {}
    fingerprint = hash_of(stage.inputs)
    spec = work.declaration.phases[stage.name]
    started = str(recorded.get("started") or now())
    continued = list(recorded.get("continued") or [])
    # Batches that memory had room for stay so when the phase becomes longer.
    batches = str(recorded.get("fingerprint")) if stage.continued else fingerprint
    if stage.continued:
        best = (read_model_info(work.run.candidate(stage.name)) or {}).get("best")
        before = {"fingerprint": recorded.get("fingerprint"), "best": best}
        continued.append({"from_step": stage.resumes_at, "when": now(), "why": stage.why, **before})
    return Started(
        stage.name, started, fingerprint, recorded_batches(recorded, batches, spec), tuple(continued)
    )


def _run(work: Work, stage: Stage, phase: Started, pause_at: int | None, more: bool) -> Ended:
    """Run the child until it ends, and see to it that the phase is closed then."""
    name, folder = stage.name, work.run.candidate(stage.name)
    declared = work.declaration.phases[name].model_dump(mode="json")
    ran_with = phase.ran_with.to_json() if phase.ran_with else None
    # The closing records are written last and removed first: their absence says that the phase is not closed, and what
    # is declared now must not be taken for what was done under another declaration.
    folder.model_info.unlink(missing_ok=True)
    folder.stopping_reason.unlink(missing_ok=True)
    write_phase_yaml(folder, stage.inputs, declared, phase.started, ran_with, phase.continued)
    make_reserve(folder.path)
    job: dict[str, object] = {"phase": name, "fingerprint": phase.fingerprint, "started": phase.started}
    if phase.ran_with is not None:
        batches = {"batch_size": phase.ran_with.batch_size, "accumulate": phase.ran_with.accumulate}
        job |= {**batches, "ran_with": ran_with}
    if phase.continued:
        job["continued_at"] = phase.continued[-1]["from_step"]
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
    note = f"; {stage.note}" if stage.note and stage.continued else ""
    return f"{stage.name}: {steps}{begin}{batches}{on}{note}" + (f". {goal}" if goal else "")
