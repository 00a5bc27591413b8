"""The course of a search: generation after generation, each a race of its own by successive halving.

The trials of a generation are chosen from what the earlier generations have come to, never from how far one of their
own is: so the points, and with them the result, do not depend on how many workers there are, how fast they are, and
how often the search was interrupted. Nothing of the course is kept but the trials' own folders and the book of points.

The search could be replayed from its seed and the trials' folders alone. That the points are written down all the same
makes them independent of the version of Optuna, and lets `optuna-dashboard` show the search while it runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.records.run_folder import TrialsFolder
from xtts_finetune.trials.advance import TrialOutcome, finite_or_none, release
from xtts_finetune.trials.crew import TrainAll
from xtts_finetune.trials.judging import better_half
from xtts_finetune.trials.pinned import step_at
from xtts_finetune.trials.search.setup import SearchSetup, declared_trial, trial_of
from xtts_finetune.trials.search.space import RANDOM_GENERATIONS, Point, Space, distributions, propose
from xtts_finetune.trials.storage import SharedStudy, reaching
from xtts_finetune.trials.trial import Trial

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class Book(SharedStudy):
    """The points of one search by number, and what each has come to: an Optuna study with a trial for each point."""

    def points(self) -> list[Point]:
        """The points that were written down, by number."""
        with reaching(self.url):
            return [dict(trial.params) for trial in self._study.get_trials(deepcopy=False)]

    def write(self, space: Space, point: Point) -> None:
        """Write the next point down, whole or not at all."""
        from optuna.trial import TrialState, create_trial  # noqa: PLC0415  heavy

        with reaching(self.url):
            trial = create_trial(state=TrialState.RUNNING, params=point, distributions=distributions(space))
            self._study.add_trial(trial)

    def judge(self, number: int, at_marks: Mapping[int, float], value: float | None) -> None:
        """Write down what a point has come to, once: its values at the marks, and at the end if it went so far."""
        from optuna.trial import TrialState  # noqa: PLC0415  heavy

        with reaching(self.url):
            trial = self._study.get_trials(deepcopy=False)[number]
            if trial.state.is_finished():
                return
            for mark, mel_ce in at_marks.items():
                self._storage.set_trial_intermediate_value(trial._trial_id, mark, mel_ce)
            if value is None:
                self._storage.set_trial_state_values(trial._trial_id, TrialState.PRUNED)
            else:
                self._storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [value])

    def forget(self) -> None:
        """Begin with an empty page."""
        import optuna  # noqa: PLC0415  heavy

        with reaching(self.url):
            name = self._study.study_name
            optuna.delete_study(study_name=name, storage=self._storage)
            self._study = optuna.create_study(storage=self._storage, study_name=name)


@dataclass
class Tried:
    """A point, its trial, and how that did: `at_marks` is what it was judged by, `out_at` the mark where it left."""

    number: int
    point: Point
    trial: Trial
    outcome: TrialOutcome
    at_marks: dict[int, float] = field(default_factory=dict)
    out_at: int | None = None

    @property
    def value(self) -> float | None:
        """The best mel_ce of a trial that went to the end; None for one that left, or never had a finite one."""
        return finite_or_none(self.outcome.best_mel_ce) if self.out_at is None else None


@dataclass
class SearchCourse:
    """What was tried so far, and the phase as it is declared."""

    declared: TrialOutcome
    tried: list[Tried] = field(default_factory=list)
    exhausted: bool = False


def run_generations(
    work: Work,
    folder: TrialsFolder,
    setup: SearchSetup,
    trials: int,
    train: TrainAll,
    book: Book,
    report: Callable[[SearchCourse], None] = lambda _: None,
) -> SearchCourse:
    """Try `trials` points, in whole generations; `report` is told after each.

    Raises UserError when an input is wrong, WorkFailed when a trial cannot be finished, Interrupted on Ctrl-C.
    """
    control = declared_trial(folder, setup)
    course = SearchCourse(TrialOutcome(control.name))
    history: list[FrozenTrial] = []
    while len(course.tried) < trials and not course.exhausted:
        generation = _next_generation(folder, setup, course, history, book)
        if not generation:
            break
        work.say(f"generation {len(course.tried) // setup.at_once + 1}: {_names(generation)}", "bold")
        # The unchanged phase runs beside the first one, to the end.
        course.declared = _run(work, setup, generation, train, None if course.tried else control) or course.declared
        for tried in generation:
            book.judge(tried.number, tried.at_marks, tried.value)
            history.append(_frozen(setup, tried))
        course.tried += generation
        report(course)
    return course


def _next_generation(
    folder: TrialsFolder, setup: SearchSetup, course: SearchCourse, history: Sequence[FrozenTrial], book: Book
) -> list[Tried]:
    """The points of the next generation: those of the book, else chosen and written down."""
    from optuna.trial import TrialState, create_trial  # noqa: PLC0415  heavy

    space, known = setup.dimensions, book.points()
    running: list[FrozenTrial] = []
    generation: list[Tried] = []
    for number in range(len(course.tried), len(course.tried) + setup.at_once):
        if number < len(known):
            point = known[number]
        else:
            at_random = RANDOM_GENERATIONS * setup.at_once
            found = propose(space, setup.seed, number, [*history, *running], at_random)
            if found is None:
                course.exhausted = True
                break
            point = found
            book.write(space, point)
        running.append(create_trial(state=TrialState.RUNNING, params=point, distributions=distributions(space)))
        trial = trial_of(folder, setup, number, point)
        generation.append(Tried(number, point, trial, TrialOutcome(trial.name)))
    return generation


def _run(
    work: Work, setup: SearchSetup, generation: Sequence[Tried], train: TrainAll, control: Trial | None
) -> TrialOutcome | None:
    """Bring a generation to its end, the worse half leaving at each mark; the outcome of `control`, if it is given."""
    racing, of_control = list(generation), None
    for mark in setup.marks:
        trials = [*([control] if control else []), *(tried.trial for tried in racing)]
        outcomes = train(work, [(trial, step_at(trial, setup, mark)) for trial in trials])
        if control:
            of_control = outcomes.pop(0)
        for tried, outcome in zip(racing, outcomes, strict=True):
            tried.outcome = outcome
            value = outcome.late_mel_ce
            tried.at_marks[mark] = value if math.isfinite(value) else math.inf
        if mark == setup.marks[-1]:
            break
        stay = better_half({tried.trial.name: tried.at_marks[mark] for tried in racing})
        for tried in racing:
            if tried.trial.name not in stay:
                tried.out_at = mark
                _clear(tried.trial)
        work.say(f"  evaluation {mark} of {setup.evals}: {', '.join(stay)} continue")
        racing = [tried for tried in racing if tried.out_at is None]
    return of_control


def _clear(trial: Trial) -> None:
    """Free the disk space of a trial that has left: a search is for values, and its records stay."""
    release(trial)
    for _, file in trial.candidate.best_models():
        file.unlink(missing_ok=True)
    trial.candidate.best_model.unlink(missing_ok=True)


def _frozen(setup: SearchSetup, tried: Tried) -> FrozenTrial:
    """A finished point in Optuna's terms; one that left is worse than each that did not."""
    from optuna.trial import TrialState, create_trial  # noqa: PLC0415  heavy

    return create_trial(
        state=TrialState.PRUNED if tried.value is None else TrialState.COMPLETE,
        value=tried.value,
        params=tried.point,
        distributions=distributions(setup.dimensions),
        intermediate_values=tried.at_marks,
    )


def _names(generation: Sequence[Tried]) -> str:
    return ", ".join(tried.trial.name for tried in generation)
