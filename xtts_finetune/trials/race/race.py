"""The race: remedies and the control, trained a stretch at a time from one checkpoint, judged at the same marks.

Nothing of its course is kept but the trials' own folders: each round asks every trial for its state at the round's
mark, which trains what is missing and reads the rest. So the same command goes on wherever it was killed, and comes to
the same result. One remedy needs no training: the mean of models along the phase's run, evaluated like any candidate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xtts_finetune.errors import WorkFailed
from xtts_finetune.pipeline.children.jobs import run_job
from xtts_finetune.pipeline.children.lock import run_lock, wait_for_older_child
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.inputs import data_content
from xtts_finetune.records.atomic import link_or_copy
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder, TrialsFolder
from xtts_finetune.records.values import hash_of
from xtts_finetune.trials.advance import Measured, TrialOutcome, release
from xtts_finetune.trials.crew import TrainAll, one_by_one
from xtts_finetune.trials.judging import Rounds, rounds_of, the_best, why_over
from xtts_finetune.trials.pinned import step_at, warmup_steps
from xtts_finetune.trials.race.remedies import AVERAGED, CONTROL
from xtts_finetune.trials.race.setup import RaceSetup, racing_names, trial_of
from xtts_finetune.trials.trial import Trial, trial_work
from xtts_finetune.xtts.base import quick_hash

MEAN = "mean"


@dataclass
class RaceCourse:
    """How a race went: each trial's outcome where it was last judged, and the mark at which it left.

    `repeats` are the best mel_ce of each seed, the race's own first; `further` is what the further seeds came to.
    """

    outcomes: dict[str, TrialOutcome] = field(default_factory=dict)
    out_at: dict[str, int] = field(default_factory=dict)
    repeats: dict[str, list[float]] = field(default_factory=dict)
    further: list[TrialOutcome] = field(default_factory=list)


def run_rounds(
    work: Work,
    folder: TrialsFolder,
    setup: RaceSetup,
    report: Callable[[RaceCourse], None],
    train: TrainAll = one_by_one(),  # noqa: B008  (a function)
) -> RaceCourse:
    """Run all rounds; `report` is told after each. `train` may be another way to bring trials to a mark.

    Raises UserError when a remedy's file is wrong, WorkFailed when a remedy cannot be finished by any worker,
    Interrupted on Ctrl-C.
    """
    course = RaceCourse()
    names = racing_names(folder, setup)
    trials = {name: trial_of(folder, setup, name) for name in (CONTROL, *names)}
    if any(entry.name == AVERAGED for entry in setup.entries):
        models = [work.run.candidate(setup.phase).path / name for name in setup.models]
        course.outcomes[AVERAGED] = average(work, average_trial(folder, setup), models)
    rounds = rounds_of_race(folder, setup)
    for mark in rounds.marks:
        racing = [CONTROL, *(name for name in names if name not in course.out_at)]
        work.say(f"to evaluation {mark} of {setup.evals}: {', '.join(racing)}", "bold")
        wanted = [(trials[name], step_at(trials[name], setup, mark)) for name in racing]
        course.outcomes.update(zip(racing, train(work, wanted), strict=True))
        if mark != rounds.marks[-1]:
            _leave(work, course, racing[1:], mark, rounds, trials)
        report(course)
    return course


def repeat_with_seeds(
    work: Work,
    folder: TrialsFolder,
    setup: RaceSetup,
    course: RaceCourse,
    seeds: int,
    train: TrainAll = one_by_one(),  # noqa: B008  (a function)
) -> None:
    """Train the control and the best remedy with other seeds, too, so that the noise between runs is known.

    The seed decides which clips a step is made of, and in which order. `seeds` counts the run that is there. A remedy
    that left goes no further with them than it went; one that is behind the control already is not repeated.
    """
    names, best = [CONTROL], best_remedy(course, racing_names(folder, setup))
    if best and not course.outcomes[best].best_mel_ce >= course.outcomes[CONTROL].best_mel_ce:
        names.append(best)
    for name in names:
        first = int(trial_of(folder, setup, name).phase.get("seed", 1))
        trials = [trial_of(folder, setup, name, seed=first + number) for number in range(1, seeds)]
        mark = course.out_at.get(name, setup.evals)
        outcomes = train(work, [(trial, step_at(trial, setup, mark)) for trial in trials])
        for trial in trials:
            release(trial)
        course.repeats[name] = [outcome.best_mel_ce for outcome in (course.outcomes[name], *outcomes)]
        course.further += outcomes


def rounds_of_race(folder: TrialsFolder, setup: RaceSetup) -> Rounds:
    """The rounds for those that race, as their files now are."""
    return rounds_of(len(racing_names(folder, setup)), setup.evals, _warmup_evals(folder, setup))


def why_race_is_over(folder: TrialsFolder, setup: RaceSetup) -> str:
    """Why the race costs more than it may; '' where it does not."""
    return why_over(len(racing_names(folder, setup)), setup.evals, _warmup_evals(folder, setup))


def _warmup_evals(folder: TrialsFolder, setup: RaceSetup) -> int:
    """Evaluations until the longest warm-up is over."""
    phases = [trial_of(folder, setup, name).phase for name in racing_names(folder, setup)]
    return max((-(-warmup_steps(phase) // int(phase["eval_every_steps"])) for phase in phases), default=0)


def best_remedy(course: RaceCourse, names: Sequence[str]) -> str | None:
    """The trained remedy with the lowest mel_ce; None without any. One that left early may have it."""
    values = {name: course.outcomes[name].best_mel_ce for name in names if name in course.outcomes}
    finite = [name for name, value in values.items() if math.isfinite(value)]
    return min(finite, key=lambda name: values[name], default=None)


def average_trial(folder: TrialsFolder, setup: RaceSetup) -> Trial:
    """The place where the mean of the phase's models is made; what it is declared to train is never trained."""
    control = trial_of(folder, setup, CONTROL)
    return Trial(AVERAGED, folder.trial(AVERAGED), control.phase)


def _leave(
    work: Work, course: RaceCourse, racing: Sequence[str], mark: int, rounds: Rounds, trials: dict[str, Trial]
) -> None:
    """Drop the worse ones, and free their disk space."""
    values = {name: course.outcomes[name].late_mel_ce for name in racing}
    stay = the_best(values, rounds.stay(len(racing)))
    for name in sorted(racing, key=lambda name: (name not in stay, values[name])):
        shown = f"{values[name]:.4f}" if math.isfinite(values[name]) else "not a number"
        work.say(f"  {name}: {shown}" + ("" if name in stay else ", out"))
        if name not in stay:
            course.out_at[name] = mark
            release(trials[name])


def average(work: Work, trial: Trial, models: Sequence[Path]) -> TrialOutcome:
    """Average the models, evaluate the mean, and say how it stands; what was done from the same models stays.

    `trial` names the folder; its phase is not trained. The mean is the candidate `MEAN` there. Models that are gone
    are left out; without two of them the outcome is that of a trial which did not begin.
    """
    with run_lock(trial.folder):
        wait_for_older_child(trial.folder, work.say)
        parts = _pinned(trial, models)
        if len(parts) < 2:
            return TrialOutcome(trial.name, message="fewer than two models are there to be averaged")
        own = trial_work(work, trial, _matrix(trial, parts))
        fingerprint = hash_of([data_content(own.run), *(quick_hash(part) for part in parts)])
        folder = mean_of(trial)
        info = read_model_info(folder) or {}
        if info.get("fingerprint") != fingerprint:
            work.say(f"{trial.name}: the mean of {len(parts)} models")
            try:
                run_job(own, trial.name, ["candidate"], candidate=MEAN, fingerprint=fingerprint)
            except WorkFailed as error:
                return TrialOutcome(trial.name, status="failed", message=str(error))
    points = tuple(Measured(record.step, record.mel_ce) for record in read_metrics(folder.metrics).evals)
    seconds = float((read_model_info(folder) or {}).get("seconds") or 0.0)
    first = points[0] if points else None
    return TrialOutcome(trial.name, best=first, last=first, points=points, seconds=seconds, status="done")


def mean_of(trial: Trial) -> CandidateFolder:
    """The folder of the mean."""
    return RunFolder(trial.folder).candidate(MEAN)


def _pinned(trial: Trial, models: Sequence[Path]) -> list[Path]:
    """The models as candidates of the trial's folder: links, so that they stay while the phase goes on."""
    parts = []
    for model in models:
        part = RunFolder(trial.folder).candidate(model.stem).best_model
        if not part.is_file() and model.is_file():
            part.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(model, part)
        if part.is_file():
            parts.append(part)
    return parts


def _matrix(trial: Trial, parts: Sequence[Path]) -> dict[str, Any]:
    """The decision matrix in which the mean is declared, as candidates that are made of others are."""
    names = [part.parent.name for part in parts]
    made = [{"name": name, "checkpoint": f"{name}/{part.name}"} for name, part in zip(names, parts, strict=True)]
    return {"candidates": [*made, {"name": MEAN, "average": names}]}
