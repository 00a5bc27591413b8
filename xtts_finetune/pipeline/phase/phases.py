"""The parent's side of a phase: clear what is stale, start the child, close what it left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xtts_finetune.errors import FAILED, WRONG_INPUT, UserError
from xtts_finetune.look.quantities import grouped, now
from xtts_finetune.pipeline.children.jobs import oom_kills_so_far, stop_of
from xtts_finetune.pipeline.children.process import ChildEnd, run_child
from xtts_finetune.pipeline.children.progress import PhaseWatch, progress_bar
from xtts_finetune.pipeline.children.running import TOGETHER, TRAINING, Work, next_commands
from xtts_finetune.pipeline.phase.closing import (
    batches_to_go_on_with,
    close_or_fail,
    raise_unless_complete,
    record_phase,
)
from xtts_finetune.pipeline.phase.machines import launch_of, processes
from xtts_finetune.pipeline.plan.disk import free_bytes
from xtts_finetune.pipeline.plan.plan_table import value_lines
from xtts_finetune.pipeline.plan.stage_records import read_phase_yaml, recorded_batches, write_phase_yaml
from xtts_finetune.pipeline.plan.stages import Stage, State
from xtts_finetune.pipeline.plan.times import ran_on
from xtts_finetune.pipeline.tries import bring_back, keep_finished, needed_of, set_aside, uses_of
from xtts_finetune.records.atomic import free_reserve, make_reserve
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.tries import EarlierTry
from xtts_finetune.records.faults import stop_of_error
from xtts_finetune.records.job import Job, RanWith
from xtts_finetune.records.values import hash_of
from xtts_finetune.spec.sources import source_of


def train_phase(work: Work, stage: Stage, pause_at: int | None = None, more: bool = False) -> None:
    """Train the stage's phase in a child of its own; return when it is done, or waits at step `pause_at`.

    `more`: whether this command will train others after it, for which other machines should stay. Where it is
    declared so, a phase that runs out of memory goes on with less, until there is no less.
    Raises UserError when an input is wrong, WorkFailed with the reason, Interrupted on Ctrl-C.
    """
    if _make_way(work, stage):
        return
    job, continued = _job(work, stage, pause_at, more)
    work.say(_announcement(work, stage, job.ran_with))
    for line in value_lines(work.declaration, stage.name):
        work.say(line)
    try:
        ended = _run(work, stage, job, continued)
        while (smaller := batches_to_go_on_with(work, job)) is not None:
            job = replace(job, ran_with=smaller)
            ended = _run(work, stage, job, continued)
    except (OSError, UserError) as error:
        # Ours, not the child's: no room for a record, or one that somebody has damaged meanwhile.
        close_or_fail(work, job, stop_of_error(error))
        ended = ChildEnd(WRONG_INPUT if isinstance(error, UserError) else FAILED, str(error))
    record_phase(work, stage.name)
    raise_unless_complete(work, stage.name, ended)


def _make_way(work: Work, stage: Stage) -> bool:
    """Keep what is there of the phase before anything of it changes; whether that was all there was to do."""
    name, earlier = stage.name, stage.brings_back
    needed = needed_of(work.declaration, work.run, name)
    if earlier is not None:
        aside = bring_back(work.run, earlier, needed, stays=bool(uses_of(work.declaration, earlier)))
        work.say(f"{name}: {earlier.name} is brought back: it was trained with exactly the values in your config now")
        if aside is not None:
            work.say(f"  what was there is now the earlier try {aside.name}")
        return stage.resumes_at is None
    if stage.state is State.STALE:
        say_set_aside(work, name, set_aside(work.run, name, stage.why, needed), f"{name} is out of date ({stage.why})")
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
            work.say("  it can be brought back and used; its last checkpoint, to train it longer, is not kept")


def _job(work: Work, stage: Stage, pause_at: int | None, more: bool) -> tuple[Job, tuple[Mapping[str, Any], ...]]:
    """What the child is told, as the phase was started before or starts now; each time it went on under other values.

    Of these phase.yaml says the step that it went on from, when, and what was changed.
    """
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
    job = replace(
        work.job(work.run.job_events(stage.name)),
        phase=stage.name,
        fingerprint=fingerprint,
        started=started,
        commands=next_commands(work, stage.name),
        ran_with=recorded_batches(recorded, batches, spec),
        continued_at=int(continued[-1]["from_step"]) if continued else 0,
        pause_at=pause_at,
        launch=launch_of(spec, work.machines),
        more=more,
        halves=spec.on_out_of_memory == "halve_batch",
    )
    return job, tuple(continued)


def _run(work: Work, stage: Stage, job: Job, continued: Sequence[Mapping[str, Any]]) -> ChildEnd:
    """Run the child until it ends, and see to it that the phase is closed then."""
    name, folder = stage.name, work.run.candidate(stage.name)
    declared = work.declaration.phases[name].model_dump(mode="json")
    ran_with = job.ran_with.to_json() if job.ran_with else None
    # The closing records are written last and removed first: their absence says that the phase is not closed, and what
    # is declared now must not be taken for what was done under another declaration.
    folder.model_info.unlink(missing_ok=True)
    folder.stopping_reason.unlink(missing_ok=True)
    here = ran_on(work.device)
    write_phase_yaml(folder, stage.inputs, declared, job.started, ran_with, continued, here)
    make_reserve(folder.path)
    file = work.run.job_file(name)
    job.write(file)
    job.events.unlink(missing_ok=True)
    # Asked anew: an older child may have saved meanwhile, and the child before this one has.
    resumes_at = max(folder.recorded_steps(), default=None)
    kills_before = oom_kills_so_far()
    with progress_bar(work.console) as progress:
        ended = run_child(
            work.child_command(TRAINING if job.launch is None else TOGETHER, [str(file)]),
            work.run.job_log(name),
            PhaseWatch(progress, name, folder.metrics, stage.length, job.events, resumes_at),
            lambda: work.say(f"stopping {name}: it writes its checkpoint (Ctrl-C again to stop it at once) ..."),
        )
    if read_model_info(folder) is None and ended.status != WRONG_INPUT:
        kills = oom_kills_so_far() - kills_before
        close_or_fail(work, job, stop_of(ended, kills, free_bytes(folder.path)))
    free_reserve(folder.path)
    return ended


def _announcement(work: Work, stage: Stage, ran_with: RanWith | None) -> str:
    begin = f"from {source_of(work.declaration, stage.name)}"
    if stage.resumes_at is not None:
        begin = f"continuing from step {grouped(stage.resumes_at)}"
    steps = f"{grouped(stage.steps)} steps " if stage.steps is not None else ""
    goal = work.declaration.phases[stage.name].goal
    batches = ""
    if ran_with is not None:
        batches = f" ({ran_with}: {ran_with.why})"
    many = processes(work.declaration.phases[stage.name], work.machines)
    on = f", on {many}" if many else ""
    note = f"; {stage.note}" if stage.note and stage.continued else ""
    return f"{stage.name}: {steps}{begin}{batches}{on}{note}" + (f". {goal}" if goal else "")
