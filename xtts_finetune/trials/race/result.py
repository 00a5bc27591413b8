"""What a race came to, put together from its course: the record, from which every page is written.

What a race cost, against what it would have cost to run the five remedies to the end.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from xtts_finetune.records.trials import Cost, Race, Standing
from xtts_finetune.trials.halving import FIVE, MOST_PERCENT
from xtts_finetune.trials.race.average import mean_of
from xtts_finetune.trials.race.noise import Noise, Selection, noise_around_trends, noise_of_repeats, select
from xtts_finetune.trials.race.race import (
    Course,
    average_trial,
    best_of,
    best_remedy,
    racing_names,
    rounds_of_race,
    why_race_is_over,
)
from xtts_finetune.trials.race.remedies import AVERAGED, CONTROL
from xtts_finetune.trials.race.setup import Entry, RaceFolder, Setup, trial_of
from xtts_finetune.trials.trials import Outcome


def cost_of(folder: RaceFolder, setup: Setup, course: Course) -> Cost:
    """The cost of the race as far as it is; that of further seeds beside it."""
    trained = [outcome for name, outcome in course.outcomes.items() if name != AVERAGED]
    control = course.outcomes.get(CONTROL, Outcome(CONTROL))
    # By its length, as a stop rule may have ended the control before.
    to_the_end = control.clips * setup.steps / control.step if control.step else 0.0
    clips, five = sum(outcome.clips for outcome in trained), round(FIVE * to_the_end)
    return Cost(
        seconds=math.fsum(outcome.seconds for outcome in course.outcomes.values()),
        clips=clips,
        five_to_the_end=five,
        share_of_five=clips / five if five else None,
        most_share=MOST_PERCENT / 100,
        why_over=why_race_is_over(folder, setup),
        seeds=len(course.further),
        seeds_seconds=math.fsum(outcome.seconds for outcome in course.further),
        seeds_clips=sum(outcome.clips for outcome in course.further),
    )


# The control's evaluations are thinned to about so many before their spread is taken.
NOISE_EVALS = 8


def race_of(folder: RaceFolder, setup: Setup, course: Course, over: bool) -> Race:
    """The race as its course stands."""
    names = racing_names(folder, setup)
    noise = noise_of(course)
    selection = Selection("unfinished", None, "the race is not over", None)
    if over:
        selection = selected(names, course, noise, setup.best_before)
    raced = [entry for entry in setup.entries if entry.kind != "train" or entry.name in (CONTROL, *names)]
    standings = tuple(_standing(folder, setup, course, entry) for entry in raced)
    rounds = rounds_of_race(folder, setup)
    return Race(
        phase=setup.phase,
        verdict=selection.verdict,
        winner=selection.winner,
        words=selection.words,
        marks=rounds.marks,
        cut=rounds.cut,
        eval_every=setup.eval_every,
        start={
            "checkpoint": setup.start.which,
            "step": setup.start.step,
            "mel_ce": _start_value(course),
            "optimizer": setup.start.optimizer,
        },
        diagnosis=setup.diagnosis,
        noise=noise.deviation if math.isfinite(noise.deviation) else None,
        noise_source=noise.source,
        threshold=selection.threshold,
        cost=cost_of(folder, setup, course),
        standings=standings,
    )


def selected(names: Sequence[str], course: Course, noise: Noise, best_before: float) -> Selection:
    """The selection between the remedies `names` at the end; repeats with other seeds count where there are some.

    A remedy that left early is among them: its best model is there, and has cost less.
    """
    best = {name: [best_of(course.outcomes[name])] for name in names}
    control = [best_of(course.outcomes[CONTROL])]
    repeated = best_remedy(course, names)
    if course.repeats and repeated:
        # Repeated were the control and the best remedy, unless the control is better: the others are behind it.
        best = {repeated[0]: course.repeats.get(repeated[0], best[repeated[0]])}
        control = course.repeats[CONTROL]
    if AVERAGED in course.outcomes:
        best[AVERAGED] = [best_of(course.outcomes[AVERAGED])]
    compared = len(names) + (AVERAGED in course.outcomes)
    return select(control, best, _start_value(course) or math.nan, noise, compared, best_before)


def noise_of(course: Course) -> Noise:
    """The noise between seeds where they were tried, else that of the control around its trend."""
    if course.repeats:
        return noise_of_repeats(list(course.repeats.values()))
    control = course.outcomes.get(CONTROL, Outcome(CONTROL))
    points = [(point.step, point.mel_ce) for point in control.points[1:]]
    # Neighbours are much alike, and would pass for more knowledge of the noise than there is.
    return noise_around_trends([points[:: -max(1, len(points) // NOISE_EVALS)]])


def _start_value(course: Course) -> float | None:
    control = course.outcomes.get(CONTROL)
    return control.start.mel_ce if control is not None and control.start is not None else None


def _standing(folder: RaceFolder, setup: Setup, course: Course, entry: Entry) -> Standing:
    outcome = course.outcomes.get(entry.name, Outcome(entry.name))
    best = best_of(outcome)
    return Standing(
        name=entry.name,
        kind=entry.kind,
        change=entry.change,
        why=entry.why,
        status=outcome.status if entry.kind != "advice" else "advice",
        reason=outcome.reason,
        message=outcome.message,
        out_at=course.out_at.get(entry.name),
        steps=outcome.step,
        clips=outcome.clips,
        seconds=outcome.seconds,
        start=outcome.start.mel_ce if outcome.start else None,
        best=best if math.isfinite(best) else None,
        best_step=outcome.best.step if outcome.best else None,
        last=outcome.last.mel_ce if outcome.last else None,
        model=_model(folder, setup, entry),
        points=_points(outcome),
        repeats=tuple(value for value in course.repeats.get(entry.name, ()) if math.isfinite(value)),
    )


def _points(outcome: Outcome) -> tuple[tuple[int, float | None], ...]:
    """Evaluations over clips seen; a step of a trial sees the same number of clips all the time, nearly."""
    a_step = outcome.clips / outcome.step if outcome.step else 0.0
    return tuple(
        (round(point.step * a_step), point.mel_ce if math.isfinite(point.mel_ce) else None)
        for point in outcome.points
    )


def _model(folder: RaceFolder, setup: Setup, entry: Entry) -> str:
    """The remedy's best model relative to the race's folder; '' where there is none."""
    if entry.kind == "advice":
        return ""
    candidate = (
        mean_of(average_trial(folder, setup))
        if entry.kind == "average"
        else trial_of(folder, setup, entry.name).candidate
    )
    file = candidate.best_model
    return Path(os.path.relpath(file, folder.path)).as_posix() if file.is_file() else ""
