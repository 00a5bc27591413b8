"""What `xtts-finetune search` does: tries points of a declared space, and says which is best."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from rich.table import Table

from xtts_finetune.look.quantities import every
from xtts_finetune.look.tables import print_table
from xtts_finetune.pipeline.children.lock import run_lock
from xtts_finetune.pipeline.children.process import ending_like_ctrl_c
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.run_folder import TrialsFolder
from xtts_finetune.records.trials import Found, Search, write_search
from xtts_finetune.trials.advance import TrialOutcome, finite_or_none
from xtts_finetune.trials.crew import ALONE, Sharing, crew_of
from xtts_finetune.trials.judging import noise_around_trends
from xtts_finetune.trials.pages import search_headings, search_page, search_rows, values_yaml
from xtts_finetune.trials.pinned import check_room, forget
from xtts_finetune.trials.search.generations import Book, SearchCourse, Tried, run_generations
from xtts_finetune.trials.search.setup import SearchSetup, SearchWishes, declared_trial, search_setup
from xtts_finetune.trials.search.space import Space, distributions, values_at
from xtts_finetune.trials.trial import trial_stage, trial_work

# Of fewer trials no importance can be told.
FEWEST = 4


def search(
    work: Work,
    phase: str,
    trials: int,
    wishes: SearchWishes,
    fresh: bool = False,
    sharing: Sharing = ALONE,
) -> Search:
    """Try `trials` points, write what came out, and print it. `sharing` says where workers find what there is to do.

    Raises UserError when an input is wrong, WorkFailed when a trial cannot be finished by anybody, Interrupted on
    Ctrl-C: the same command goes on.
    """
    with run_lock(work.run.root), ending_like_ctrl_c(), ExitStack() as stack:
        if fresh:
            forget(work, work.run.search(phase))
        folder, setup = search_setup(work, phase, wishes)
        whole = -(-trials // setup.at_once) * setup.at_once
        _say_plan(work, setup, whole, trials)
        _check_disk(work, folder, setup)
        train = stack.enter_context(crew_of(work, sharing))
        book = Book(train.ledger.url, f"{train.ledger.name} search {phase}")
        stack.callback(book.close)
        if not any(folder.path.glob("trial*")):
            book.forget()

        def report(course: SearchCourse) -> None:
            write_search(folder.record, result_of(setup, course, over=False))

        course = run_generations(work, folder, setup, whole, train, book, report)
        if course.exhausted:
            work.say(f"note: the space has no more than {len(course.tried)} points", "yellow")
        found = result_of(setup, course, over=True)
        write_text_atomic(folder.page, search_page(found))
        # Written last: it says that the search is over.
        write_search(folder.record, found)
    _say_found(work, folder, found)
    return found


def _check_disk(work: Work, folder: TrialsFolder, setup: SearchSetup) -> None:
    """Raise UserError when the disk has no room for a generation."""
    control = declared_trial(folder, setup)
    stage = trial_stage(trial_work(work, control), control)
    needs = [stage.disk] * (setup.at_once + 1)
    check_room(folder, needs, f"{setup.at_once} trials at once need", "try fewer --at-once")


def _say_plan(work: Work, setup: SearchSetup, whole: int, wished: int) -> None:
    more = f" (of {wished}: generations are whole)" if whole != wished else ""
    work.say(
        f"search for {setup.phase}: {whole} trials{more} of {setup.steps} steps, {setup.at_once} a "
        f"generation, compared after the evaluations {', '.join(map(str, setup.marks))} (one "
        f"{every(setup.eval_every)}), seed {setup.seed}; plus the phase as it is in your config"
    )


def _say_found(work: Work, folder: TrialsFolder, found: Search) -> None:
    table = Table(title=f"search for {found.phase}", title_justify="left", title_style="bold")
    for number, heading in enumerate(search_headings(found)):
        table.add_column(heading, justify="left" if number == 1 else "right")
    best = found.best.name if found.best is not None else None
    for cells in search_rows(found):
        table.add_row(*cells, style="bold" if cells[1] == best else None)
    print_table(work.console, table)
    if found.importance:
        shares = ", ".join(f"{key} {share:.0%}" for key, share in found.importance.items())
        work.say(f"importance: {shares}")
    work.say(found.words, "bold")
    if found.best is not None:
        work.say(f"{found.best.name} in phases/{found.phase}.yaml:\n{values_yaml(found.best).rstrip()}")
    work.say(f"  record: {folder.record}\n  page:   {folder.page}")


def result_of(setup: SearchSetup, course: SearchCourse, over: bool) -> Search:
    """The search as its course stands."""
    trials = tuple(
        _found(each.number, each.outcome, values_at(setup.dimensions, each.point), each.out_at) for each in course.tried
    )
    declared = _found(-1, course.declared, {}, None)
    threshold = _threshold(course)
    seconds = math.fsum(found.seconds for found in (declared, *trials))
    search = Search(
        phase=setup.phase,
        over=over,
        words="",
        seed=setup.seed,
        marks=setup.marks,
        eval_every=setup.eval_every,
        start=setup.start.which,
        threshold=threshold,
        importance=importances(setup.dimensions, course.tried, setup.marks[0]),
        seconds=seconds,
        declared=declared,
        trials=trials,
    )
    return replace(search, words=_words(search))


def _words(search: Search) -> str:
    """The best trial compared with the declared values, in a sentence."""
    best, declared = search.best, search.declared.best
    if best is None or best.best is None:
        return "no trial reached a finite mel_ce"
    reached = f"{best.name} reaches {best.best:.4f}"
    if declared is None:
        return f"{reached}; the values in your config reached no finite mel_ce"
    compared = f"{reached}, the values in your config {declared:.4f} after as many clips"
    if search.threshold is None:
        return f"{compared}; there are too few evaluations to know the noise: take more --steps"
    if declared - best.best > search.threshold:
        return f"{compared}: a gain of {declared - best.best:.4f}, where {search.threshold:.4f} could be noise"
    return f"{compared}: no gain of more than the {search.threshold:.4f} that could be noise; keep your values"


def _threshold(course: SearchCourse) -> float | None:
    """What the best of all trials must gain over the declared values to be more than luck (nats)."""
    points = course.declared.points
    if not points:
        return None
    noise = noise_around_trends([[(point.step, point.mel_ce) for point in points[1:]]])
    return noise.threshold(points[0].mel_ce, len(course.tried))


def _found(number: int, outcome: TrialOutcome, values: dict[str, Any], out_at: int | None) -> Found:
    best = finite_or_none(outcome.best_mel_ce)
    return Found(
        number=number,
        name=outcome.name,
        values=values,
        status=outcome.status,
        message=outcome.message,
        out_at=out_at,
        steps=outcome.step,
        clips=outcome.clips,
        seconds=outcome.seconds,
        best=best,
        best_step=outcome.best.step if outcome.best is not None and best is not None else None,
        points=outcome.over_clips,
    )


def importances(space: Space, tried: Sequence[Tried], mark: int) -> dict[str, float]:
    """Each key's share, the largest first, in how the trials differ at `mark`, where all were judged.

    By PED-ANOVA (S. Watanabe, A. Bansal, F. Hutter, Efficiently Quantifying Hyperparameter Importance in Arbitrary
    Subspaces, IJCAI 2023). Empty where too few trials have a number there, or all have the same.
    """
    import optuna  # noqa: PLC0415  heavy
    from optuna.exceptions import ExperimentalWarning  # noqa: PLC0415

    judged = [(each, each.at_marks.get(mark, math.inf)) for each in tried]
    finite = [(each, value) for each, value in judged if math.isfinite(value)]
    if len(finite) < FEWEST or len({value for _, value in finite}) == 1:
        return {}
    study = optuna.create_study()
    for each, value in finite:
        study.add_trial(optuna.trial.create_trial(value=value, params=each.point, distributions=distributions(space)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {key: share for key, share in shares.items() if math.isfinite(share)}
