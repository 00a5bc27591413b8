"""What a search came to, put together from its course: the record, from which table and page are written.

How much each searched key matters, by PED-ANOVA.

S. Watanabe, A. Bansal, F. Hutter, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces,
IJCAI 2023; by Optuna.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from xtts_finetune.records.trials import Found, Search
from xtts_finetune.trials.race.noise import noise_around_trends
from xtts_finetune.trials.race.race import best_of
from xtts_finetune.trials.search.generations import Course, Tried
from xtts_finetune.trials.search.setup import SearchSetup
from xtts_finetune.trials.search.space import Space, distributions, values_at
from xtts_finetune.trials.trials import Outcome

# Fewer say nothing.
FEWEST = 4


def importances(space: Space, tried: Sequence[Tried], mark: int) -> dict[str, float]:
    """Each key's share, the largest first, in how the trials differ at `mark`, where all were judged.

    Empty where too few trials have a number there, or all have the same.
    """
    import optuna  # noqa: PLC0415  heavy
    from optuna.exceptions import ExperimentalWarning  # noqa: PLC0415

    judged = [(each, each.at_marks.get(mark, math.inf)) for each in tried]
    finite = [(each, value) for each, value in judged if math.isfinite(value)]
    if len(finite) < FEWEST or len({value for _, value in finite}) == 1:
        return {}
    study = optuna.create_study()
    for each, value in finite:
        study.add_trial(
            optuna.trial.create_trial(value=value, params=each.point, distributions=distributions(space))
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {key: share for key, share in shares.items() if math.isfinite(share)}


def result_of(setup: SearchSetup, course: Course, over: bool) -> Search:
    """The search as its course stands."""
    trials = tuple(_of(setup, tried) for tried in course.tried)
    declared = _found(-1, course.declared, {}, None)
    threshold = _threshold(course)
    seconds = math.fsum(found.seconds for found in (declared, *trials))
    search = Search(
        phase=setup.name,
        over=over,
        words="",
        seed=setup.seed,
        marks=setup.marks,
        eval_every=setup.eval_every,
        start=setup.start,
        threshold=threshold,
        importance=importances(setup.dimensions, course.tried, setup.marks[0]),
        seconds=seconds,
        declared=declared,
        trials=trials,
    )
    return Search(**{**search.__dict__, "words": _words(search)})


def _words(search: Search) -> str:
    """Whether the best trial is better than what was declared."""
    best, declared = search.best, search.declared.best
    if best is None or best.best is None:
        return "no trial came to a number"
    reached = f"{best.name} reaches {best.best:.4f}"
    if declared is None:
        return f"{reached}; the declared values came to no number"
    compared = f"{reached}, the declared values {declared:.4f} after as many clips"
    if search.threshold is None:
        return f"{compared}; there are too few evaluations to know the noise: take more --steps"
    if declared - best.best > search.threshold:
        return (
            f"{compared}: a gain of {declared - best.best:.4f}, where {search.threshold:.4f} could be noise"
        )
    return f"{compared}: no gain of more than the {search.threshold:.4f} that could be noise; keep what is declared"


def _threshold(course: Course) -> float | None:
    """What the best of all trials must gain over the declared values to be more than luck (nats)."""
    points = course.declared.points
    if not points:
        return None
    noise = noise_around_trends([[(point.step, point.mel_ce) for point in points[1:]]])
    return noise.threshold(points[0].mel_ce, len(course.tried))


def _of(setup: SearchSetup, tried: Tried) -> Found:
    values = values_at(setup.dimensions, tried.point)
    return _found(tried.number, tried.outcome, values, tried.out_at)


def _found(number: int, outcome: Outcome, values: dict[str, Any], out_at: int | None) -> Found:
    best, a_step = best_of(outcome), outcome.clips / outcome.step if outcome.step else 0.0
    finite = math.isfinite(best)
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
        best=best if finite else None,
        best_step=outcome.best.step if outcome.best is not None and finite else None,
        points=tuple(
            (round(point.step * a_step), point.mel_ce if math.isfinite(point.mel_ce) else None)
            for point in outcome.points
        ),
    )
