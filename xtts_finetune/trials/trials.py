"""Trials: phases that are trained a stretch at a time, to be compared at the same step.

A trial is a run folder of its own that reads the clips and the frozen eval set of the pipeline's run. The ordinary
phase child trains in it, so that a trial has every record, stop rule and exact resuming that a phase has. All that is
known of a trial is in its folder: whoever calls `advance` again, after a kill or on another machine that sees the
folder, goes on from its last checkpoint and comes to the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.pipeline.children.lock import run_lock, wait_for_older_child
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.phase.phases import train_phase
from xtts_finetune.pipeline.plan.disk import weights_bytes
from xtts_finetune.pipeline.plan.inputs import data_content
from xtts_finetune.pipeline.plan.phase_state import Surroundings, phase_stage
from xtts_finetune.pipeline.plan.stages import Stage, State
from xtts_finetune.records.checkpoints import remove_checkpoint
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.metrics import EvalRecord, Metrics, read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.stopping import Reason
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.trials.trial_files import write_trial_declaration
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.base_as_recorded import fingerprint_in

# A worker that is late may still look whether the trial is to be done, and holds its folder while it looks.
LOOK_SECONDS = 30.0


@dataclass(frozen=True)
class Trial:
    """A phase to try out.

    folder      its run folder, for itself alone
    phase       the phase's declaration, as a phase's file holds it
    checkpoint  where its first weights come from; None: the base
    optimizer   whether the moments of that checkpoint go on
    """

    name: str
    folder: Path
    phase: Mapping[str, Any] = field(repr=False)
    checkpoint: Path | None = None
    optimizer: Literal["keep", "reset"] = "reset"

    @property
    def candidate(self) -> CandidateFolder:
        """The folder of its model and records."""
        return RunFolder(self.folder).candidate(self.name)


@dataclass(frozen=True)
class Point:
    """An evaluation on the frozen eval set."""

    step: int
    mel_ce: float


@dataclass(frozen=True)
class Outcome:
    """How a trial stands at a step.

    step     optimizer steps taken by then; less than asked for where it ended before
    clips    clips seen in them, counted as often as they were seen
    start    before the first step
    best     of the evaluations after it; None without one whose mel_ce is a number
    last     the newest one
    points   all evaluations
    seconds  of work in steps and evaluations
    status   'paused' when it can go on, 'done' by its steps or a stop rule, 'failed', 'not begun'
    reason   why it stopped, as STOPPING_REASON.txt says; '' for a trial that has gone beyond the step
    """

    name: str
    step: int = 0
    clips: int = 0
    start: Point | None = None
    best: Point | None = None
    last: Point | None = None
    points: tuple[Point, ...] = ()
    seconds: float = 0.0
    status: Literal["paused", "done", "failed", "not begun"] = "not begun"
    reason: str = ""
    message: str = ""


def advance(work: Work, trial: Trial, to_step: int) -> Outcome:
    """Train the trial until it has taken `to_step` optimizer steps or a stop rule has ended it.

    `work` is that of the pipeline whose phase is tried. What is there already is not done again; a trial of which
    anything was declared otherwise begins anew. A failure of the training (out of memory, say) is an outcome, as
    the other trials need not suffer from it.

    Raises UserError when an input is wrong or the clips are not prepared, Interrupted on Ctrl-C.
    """
    with run_lock(trial.folder):
        return advance_held(work, trial, to_step)


def advance_held(work: Work, trial: Trial, to_step: int) -> Outcome:
    """`advance` for whoever holds the trial's folder already (`run_lock`)."""
    wait_for_older_child(trial.folder, work.say)
    own = trial_work(work, trial)
    stage = trial_stage(own, trial)
    if _falls_short(stage, trial, to_step):
        try:
            train_phase(own, stage, pause_at=to_step)
        except WorkFailed as error:
            work.say(str(error), "red")
    return outcome_at(trial, to_step)


def is_due(work: Work, trial: Trial, to_step: int) -> bool:
    """Whether `advance` would train: the trial has not come so far, or not as it is declared now.

    Raises UserError as `advance` does.
    """
    return _falls_short(trial_stage(trial_work(work, trial), trial), trial, to_step)


def trial_work(work: Work, trial: Trial, matrix: Mapping[str, Any] | None = None) -> Work:
    """The work of a trial: its own declaration, in its own folder, on the clips of the run that it belongs to.

    `matrix` holds what its decision matrix has besides rows.
    Raises UserError when what is declared is wrong.
    """
    file = write_trial_declaration(
        work.declaration,
        trial.folder,
        trial.name,
        trial.phase,
        trial.checkpoint,
        trial.optimizer,
        matrix or {},
    )
    declaration = load_declaration(file, (), trial.folder)
    return Work(
        declaration, (), work.device, work.console, work.again, work.child_command, work.run.data_root
    )


def trial_stage(own: Work, trial: Trial) -> Stage:
    """The trial's phase as a stage of a plan. Raises UserError when the clips are not prepared."""
    clips = data_content(own.run)
    if clips is None:
        raise UserError(f"{own.run.data_root}: the clips are not prepared: xtts-finetune prepare first")
    base = find_base(own.declaration.pipeline.base)
    weights = weights_bytes(base.model)
    around = Surroundings(
        own.declaration, own.run, fingerprint_in(own.run, base), weights, clips, as_begun=True
    )
    return phase_stage(around, trial.name, None)


def outcome_at(trial: Trial, step: int) -> Outcome:
    """How the trial stood after `step` steps, read from its records, however far it has come since.

    Raises UserError for records that cannot be read.
    """
    folder = trial.candidate
    metrics = read_metrics(folder.metrics)
    info = read_model_info(folder) or {}
    points = tuple(_point(record) for record in metrics.evals if record.step <= step)
    if not points:
        return Outcome(trial.name)
    taken = [record for record in metrics.steps if record.step <= step]
    after = [point for point in points[1:] if math.isfinite(point.mel_ce)]
    beyond = len(taken) < len(metrics.steps)
    reason = {} if beyond else info.get("reason") or {}
    status: Literal["paused", "done", "failed"] = "paused"
    if not beyond and info.get("status") in ("done", "failed"):
        status = info["status"]
    return Outcome(
        name=trial.name,
        step=taken[-1].step if taken else 0,
        clips=sum(record.clips for record in taken),
        start=points[0],
        best=min(after, key=lambda point: point.mel_ce, default=None),
        last=points[-1],
        points=points,
        seconds=_seconds(metrics, step),
        status=status,
        reason=str(reason.get("name", "")),
        message=str(reason.get("message", "")),
    )


def release(trial: Trial) -> None:
    """Give the room of its checkpoints back; its best model and its records stay.

    A trial that is to go on after that begins anew, and comes to the same weights.
    """
    with run_lock(trial.folder, LOOK_SECONDS):
        for step in trial.candidate.recorded_steps():
            remove_checkpoint(trial.candidate, step)


def _falls_short(stage: Stage, trial: Trial, step: int) -> bool:
    anew = stage.state is State.STALE or stage.brings_back is not None
    return anew or not _has_reached(trial, step)


def _has_reached(trial: Trial, step: int) -> bool:
    """Whether the trial has been trained up to the step, or to an end before it."""
    folder = trial.candidate
    info = read_model_info(folder) or {}
    if info.get("status") == "done":
        return True
    paused = (info.get("reason") or {}).get("name") == Reason.PAUSED.value
    if paused and int(info.get("steps") or 0) >= step:
        return True
    return max(folder.recorded_steps(), default=-1) >= step


def _point(record: EvalRecord) -> Point:
    return Point(record.step, record.mel_ce)


def _seconds(metrics: Metrics, step: int) -> float:
    spent = [(record.step, record.seconds) for record in metrics.steps]
    spent += [(record.step, record.seconds) for record in metrics.evals]
    return math.fsum(seconds for at, seconds in spent if at <= step)
