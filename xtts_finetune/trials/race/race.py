"""The race: remedies and the control, trained a stretch at a time from one checkpoint, judged at the same marks.

Nothing of its course is kept but the trials' own folders: each round asks every trial for its state at the round's
mark, which trains what is missing and reads the rest. So the same command goes on wherever it was killed, and comes to
the same result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.trials.crew import TrainAll, one_by_one
from xtts_finetune.trials.halving import Rounds, rounds_of, the_best, why_over
from xtts_finetune.trials.race.average import average
from xtts_finetune.trials.race.remedies import AVERAGED, CONTROL
from xtts_finetune.trials.race.setup import RaceFolder, Setup, names_of, trial_of
from xtts_finetune.trials.trials import Outcome, Trial, outcome_at, release


@dataclass
class Course:
    """How a race went: each trial's outcome where it was last judged, and the mark at which it left.

    `repeats` are the best mel_ce of each seed, the race's own first; `further` is what the further seeds came to.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    out_at: dict[str, int] = field(default_factory=dict)
    repeats: dict[str, list[float]] = field(default_factory=dict)
    further: list[Outcome] = field(default_factory=list)

    def stayed(self, names: Sequence[str]) -> list[str]:
        """Those of the names that have not left."""
        return [name for name in names if name not in self.out_at]


def run_rounds(
    work: Work,
    folder: RaceFolder,
    setup: Setup,
    report: Callable[[Course], None],
    train: TrainAll = one_by_one(),  # noqa: B008  (a function)
) -> Course:
    """Run all rounds; `report` is told after each. `train` may be another way to bring trials to a mark.

    Raises UserError when a remedy's file is wrong, WorkFailed when a remedy cannot be finished by any worker,
    Interrupted on Ctrl-C.
    """
    course = Course()
    names = racing_names(folder, setup)
    trials = {name: trial_of(folder, setup, name) for name in (CONTROL, *names)}
    if any(entry.name == AVERAGED for entry in setup.entries):
        models = [work.run.candidate(setup.phase).path / name for name in setup.models]
        course.outcomes[AVERAGED] = average(work, average_trial(folder, setup), models)
    rounds = rounds_of_race(folder, setup)
    for mark in rounds.marks:
        racing = [CONTROL, *course.stayed(names)]
        work.say(f"to evaluation {mark} of {setup.evals}: {', '.join(racing)}", "bold")
        wanted = [(trials[name], step_of(trials[name], setup, mark)) for name in racing]
        course.outcomes.update(zip(racing, train(work, wanted), strict=True))
        if mark != rounds.marks[-1]:
            _leave(work, course, racing[1:], mark, rounds, trials)
        report(course)
    return course


def repeat_with_seeds(
    work: Work,
    folder: RaceFolder,
    setup: Setup,
    course: Course,
    seeds: int,
    train: TrainAll = one_by_one(),  # noqa: B008  (a function)
) -> None:
    """Train the control and the best remedy with other seeds, too, so that the noise between runs is known.

    The seed decides which clips a step is made of, and in which order. `seeds` counts the run that is there. A remedy
    that left goes no further with them than it went; one that is behind the control already is not repeated.
    """
    names = best_remedy(course, racing_names(folder, setup))
    if names and best_of(course.outcomes[names[0]]) >= best_of(course.outcomes[CONTROL]):
        names = []
    for name in (CONTROL, *names):
        first = int(trial_of(folder, setup, name).phase.get("seed", 1))
        trials = [trial_of(folder, setup, name, seed=first + number) for number in range(1, seeds)]
        mark = course.out_at.get(name, setup.evals)
        outcomes = train(work, [(trial, step_of(trial, setup, mark)) for trial in trials])
        for trial in trials:
            release(trial)
        course.repeats[name] = [best_of(outcome) for outcome in (course.outcomes[name], *outcomes)]
        course.further += outcomes


def racing_names(folder: RaceFolder, setup: Setup) -> tuple[str, ...]:
    """The remedies that race: those whose file is there. Whoever removes a file wants one remedy less."""
    return tuple(name for name in names_of(setup) if folder.remedy(name).is_file())


def rounds_of_race(folder: RaceFolder, setup: Setup) -> Rounds:
    """The rounds for those that race, as their files now are."""
    return rounds_of(len(racing_names(folder, setup)), setup.evals, _warmup_evals(folder, setup))


def why_race_is_over(folder: RaceFolder, setup: Setup) -> str:
    """Why the race takes more than it may; '' where it does not."""
    return why_over(len(racing_names(folder, setup)), setup.evals, _warmup_evals(folder, setup))


def _warmup_evals(folder: RaceFolder, setup: Setup) -> int:
    """Evaluations until the longest warm-up is over."""
    phases = [trial_of(folder, setup, name).phase for name in racing_names(folder, setup)]
    return max((-(-_warmup(phase) // int(phase["eval_every_steps"])) for phase in phases), default=0)


def _warmup(phase: Mapping[str, Any]) -> int:
    schedule = phase.get("schedule")
    return int(schedule.get("warmup_steps") or 0) if isinstance(schedule, Mapping) else 0


def best_remedy(course: Course, names: Sequence[str]) -> list[str]:
    """The trained remedy with the lowest mel_ce; none where there is none. One that left early may have it."""
    values = {name: best_of(course.outcomes[name]) for name in names if name in course.outcomes}
    finite = [name for name, value in values.items() if math.isfinite(value)]
    return sorted(finite, key=lambda name: values[name])[:1]


def best_of(outcome: Outcome) -> float:
    """What a trial is judged by: the lowest mel_ce after its first step, which its model would be shipped with."""
    if outcome.status == "failed" or outcome.best is None:
        return math.nan
    return outcome.best.mel_ce


def standing_at_the_mark(outcome: Outcome) -> float:
    """What decides who goes on: the lowest mel_ce since half of the steps so far.

    Where a trial has come to, that is: the first evaluations, of models that have hardly moved yet, would speak for
    whoever does the least.
    """
    if outcome.status == "failed":
        return math.nan
    late = [point.mel_ce for point in outcome.points[1:] if 2 * point.step > outcome.step]
    return min((value for value in late if math.isfinite(value)), default=math.nan)


def step_of(trial: Trial, setup: Setup, mark: int) -> int:
    """The step of a trial at a mark: as many clips are seen by then as by the control, whatever its batches are."""
    if mark == setup.evals:
        return int(trial.phase["steps"])
    return mark * int(trial.phase["eval_every_steps"])


def average_trial(folder: RaceFolder, setup: Setup) -> Trial:
    """The place where the mean of the phase's models is made; what it is declared to train is never trained."""
    control = trial_of(folder, setup, CONTROL)
    return Trial(AVERAGED, folder.trial(AVERAGED), control.phase)


def read_course(folder: RaceFolder, setup: Setup, names: Sequence[str]) -> Course:
    """The named trials as they stand at the end, however far that is; nothing is trained."""
    trials = {name: trial_of(folder, setup, name) for name in names}
    ends = {name: outcome_at(trial, step_of(trial, setup, setup.evals)) for name, trial in trials.items()}
    return Course(outcomes=ends)


def _leave(
    work: Work, course: Course, racing: Sequence[str], mark: int, rounds: Rounds, trials: dict[str, Trial]
) -> None:
    """Let the worse ones leave, and give their room back."""
    values = {name: standing_at_the_mark(course.outcomes[name]) for name in racing}
    stay = the_best(values, rounds.stay(len(racing)))
    for name in sorted(racing, key=lambda name: (name not in stay, values[name])):
        shown = f"{values[name]:.4f}" if math.isfinite(values[name]) else "no number"
        work.say(f"  {name}: {shown}" + ("" if name in stay else ", out"))
        if name not in stay:
            course.out_at[name] = mark
            release(trials[name])
