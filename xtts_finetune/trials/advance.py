"""Trials that are trained a stretch at a time, to be compared at the same step.

The ordinary phase child trains in a trial's folder, so that a trial has every record, stop rule and exact resuming that
a phase has. All that is known of a trial is in its folder: whoever calls `advance` again, after a kill or on another
machine that sees the folder, goes on from its last checkpoint and comes to the same weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from xtts_finetune.errors import WorkFailed
from xtts_finetune.pipeline.children.lock import run_lock, wait_for_older_child
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.phase.phases import train_phase
from xtts_finetune.pipeline.plan.stages import Stage, State
from xtts_finetune.records.candidates.checkpoints import remove_checkpoint
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.metrics import Metrics, read_metrics
from xtts_finetune.records.stopping import Reason
from xtts_finetune.trials.trial import Trial, trial_stage, trial_work

# A worker that is late may still look whether the trial is to be done, and holds its folder while it looks.
LOOK_SECONDS = 30.0


@dataclass(frozen=True)
class Measured:
    """An evaluation on the frozen eval set; mel_ce in nats."""

    step: int
    mel_ce: float


@dataclass(frozen=True)
class TrialOutcome:
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
    start: Measured | None = None
    best: Measured | None = None
    last: Measured | None = None
    points: tuple[Measured, ...] = ()
    seconds: float = 0.0
    status: Literal["paused", "done", "failed", "not begun"] = "not begun"
    reason: str = ""
    message: str = ""

    @property
    def best_mel_ce(self) -> float:
        """What it is judged by: the lowest mel_ce after its first step, which its model would be shipped with.

        NaN without one, and for a trial that failed.
        """
        return math.nan if self.status == "failed" or self.best is None else self.best.mel_ce

    @property
    def late_mel_ce(self) -> float:
        """What decides at a mark who goes on: the lowest mel_ce since half of the steps so far; NaN without one.

        Where a trial has come to, that is: the first evaluations, of models that have hardly moved yet, would speak
        for whoever does the least.
        """
        late = [point.mel_ce for point in self.points[1:] if 2 * point.step > self.step]
        finite = [value for value in late if math.isfinite(value) and self.status != "failed"]
        return min(finite, default=math.nan)

    @property
    def over_clips(self) -> tuple[tuple[int, float | None], ...]:
        """Its evaluations as (clips seen, mel_ce), for trials with different batches over one axis.

        A step of a trial sees the same number of clips all the time, nearly.
        """
        a_step = self.clips / self.step if self.step else 0.0
        return tuple((round(point.step * a_step), finite_or_none(point.mel_ce)) for point in self.points)


def finite_or_none(value: float) -> float | None:
    """The value as records have it: None for NaN and infinity."""
    return value if math.isfinite(value) else None


def advance(work: Work, trial: Trial, to_step: int) -> TrialOutcome:
    """Train the trial until it has taken `to_step` optimizer steps or a stop rule has ended it.

    `work` is that of the pipeline whose phase is tried. What is there already is not done again; a trial of which
    anything was declared otherwise begins anew. A failure of the training (out of memory, say) is an outcome, as
    the other trials need not suffer from it.

    Raises UserError when an input is wrong or the clips are not prepared, Interrupted on Ctrl-C.
    """
    with run_lock(trial.folder):
        return advance_held(work, trial, to_step)


def advance_held(work: Work, trial: Trial, to_step: int) -> TrialOutcome:
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


def outcome_at(trial: Trial, step: int) -> TrialOutcome:
    """How the trial stood after `step` steps, read from its records, however far it has come since.

    Raises UserError for records that cannot be read.
    """
    folder = trial.candidate
    metrics = read_metrics(folder.metrics)
    info = read_model_info(folder) or {}
    points = tuple(Measured(record.step, record.mel_ce) for record in metrics.evals if record.step <= step)
    if not points:
        return TrialOutcome(trial.name)
    taken = [record for record in metrics.steps if record.step <= step]
    after = [point for point in points[1:] if math.isfinite(point.mel_ce)]
    beyond = len(taken) < len(metrics.steps)
    reason = {} if beyond else info.get("reason") or {}
    status: Literal["paused", "done", "failed"] = "paused"
    if not beyond and info.get("status") in ("done", "failed"):
        status = info["status"]
    return TrialOutcome(
        name=trial.name,
        step=taken[-1].step if taken else 0,
        clips=sum(record.clips for record in taken),
        start=points[0],
        best=min(after, key=lambda point: point.mel_ce, default=None),
        last=points[-1],
        points=points,
        seconds=_seconds_until(metrics, step),
        status=status,
        reason=str(reason.get("name", "")),
        message=str(reason.get("message", "")),
    )


def release(trial: Trial) -> None:
    """Free the disk space of its checkpoints; its best model and its records stay.

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


def _seconds_until(metrics: Metrics, step: int) -> float:
    spent = [(record.step, record.seconds) for record in metrics.steps]
    spent += [(record.step, record.seconds) for record in metrics.evals]
    return math.fsum(seconds for at, seconds in spent if at <= step)
