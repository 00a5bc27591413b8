"""What a race came to: the record from which every page is written, and who wins.

The best remedy wins if it beats the control by more than noise; else nobody does.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.records.run_folder import TrialsFolder
from xtts_finetune.records.trials import Cost, Race, Standing, Verdict
from xtts_finetune.trials.advance import TrialOutcome, finite_or_none
from xtts_finetune.trials.judging import FIVE, MOST_PERCENT, Noise, noise_around_trends, noise_of_repeats
from xtts_finetune.trials.race.race import (
    RaceCourse,
    average_trial,
    best_remedy,
    mean_of,
    rounds_of_race,
    why_race_is_over,
)
from xtts_finetune.trials.race.remedies import AVERAGED, CONTROL
from xtts_finetune.trials.race.setup import RaceEntry, RaceSetup, racing_names, trial_of

# The control's evaluations are thinned to about so many before their spread is taken.
NOISE_EVALS = 8


def cost_of(folder: TrialsFolder, setup: RaceSetup, course: RaceCourse) -> Cost:
    """The cost of the race so far, against what running the five usual remedies to the end would have cost."""
    trained = [outcome for name, outcome in course.outcomes.items() if name != AVERAGED]
    control = course.outcomes.get(CONTROL, TrialOutcome(CONTROL))
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


def race_of(folder: TrialsFolder, setup: RaceSetup, course: RaceCourse, over: bool) -> Race:
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
        noise=finite_or_none(noise.deviation),
        noise_source=noise.source,
        threshold=selection.threshold,
        cost=cost_of(folder, setup, course),
        standings=standings,
    )


def selected(names: Sequence[str], course: RaceCourse, noise: Noise, best_before: float) -> Selection:
    """The selection between the remedies `names` at the end; repeats with other seeds count where there are some.

    A remedy that left early is among them: its best model is there, and has cost less.
    """
    best = {name: [course.outcomes[name].best_mel_ce] for name in names}
    control = [course.outcomes[CONTROL].best_mel_ce]
    repeated = best_remedy(course, names)
    if course.repeats and repeated:
        # Repeated were the control and the best remedy, unless the control is better: the others are behind it.
        best = {repeated: course.repeats.get(repeated, best[repeated])}
        control = course.repeats[CONTROL]
    if AVERAGED in course.outcomes:
        best[AVERAGED] = [course.outcomes[AVERAGED].best_mel_ce]
    compared = len(names) + (AVERAGED in course.outcomes)
    return select(control, best, _start_value(course) or math.nan, noise, compared, best_before)


def noise_of(course: RaceCourse) -> Noise:
    """The noise between seeds where they were tried, else that of the control around its trend."""
    if course.repeats:
        return noise_of_repeats(list(course.repeats.values()))
    control = course.outcomes.get(CONTROL, TrialOutcome(CONTROL))
    points = [(point.step, point.mel_ce) for point in control.points[1:]]
    # Neighbours are much alike, and would pass for more knowledge of the noise than there is.
    return noise_around_trends([points[:: -max(1, len(points) // NOISE_EVALS)]])


def _start_value(course: RaceCourse) -> float | None:
    control = course.outcomes.get(CONTROL)
    return control.start.mel_ce if control is not None and control.start is not None else None


def _standing(folder: TrialsFolder, setup: RaceSetup, course: RaceCourse, entry: RaceEntry) -> Standing:
    outcome = course.outcomes.get(entry.name, TrialOutcome(entry.name))
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
        best=finite_or_none(outcome.best_mel_ce),
        best_step=outcome.best.step if outcome.best else None,
        last=outcome.last.mel_ce if outcome.last else None,
        model=_model(folder, setup, entry),
        points=outcome.over_clips,
        repeats=tuple(value for value in course.repeats.get(entry.name, ()) if math.isfinite(value)),
    )


def _model(folder: TrialsFolder, setup: RaceSetup, entry: RaceEntry) -> str:
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


@dataclass(frozen=True)
class Selection:
    """The verdict, the winner if there is one, and why. `threshold` is what its gain had to exceed (nats)."""

    verdict: Verdict
    winner: str | None
    words: str
    threshold: float | None


def select(
    control: Sequence[float],
    remedies: Mapping[str, Sequence[float]],
    start: float,
    noise: Noise,
    compared: int,
    best_before: float = math.inf,
) -> Selection:
    """The selection between those that went to the end.

    `control` and `remedies` hold the best mel_ce of each, one number a seed, after as many clips seen; `start` is
    the mel_ce that all began with; `compared` is how many remedies there were at first, each of which might have
    won by luck. `best_before` is the mel_ce of the phase's best model, which is there already: what is no better is
    no solution either.
    """
    means = {name: math.fsum(values) / len(values) for name, values in remedies.items() if values}
    finite = {name: mean for name, mean in means.items() if math.isfinite(mean)}
    of_control = math.fsum(control) / len(control) if control else math.nan
    best = min(finite, key=lambda name: finite[name], default=None)
    repeats = min([len(control), *(len(remedies[name]) for name in [best] if name)])
    threshold = noise.threshold(start, compared, max(1, repeats))
    if threshold is None or (best is None and not math.isfinite(of_control)):
        words = "the control has too few evaluations to know the noise; run a longer race (--steps)"
        return Selection("too noisy to tell", None, words, None)
    beaten = best is not None and not of_control - finite[best] <= threshold
    before, what = min((start, "the start"), (best_before, "the phase's best model"))
    if best is not None and beaten and finite[best] < before:
        return Selection("solved", best, _won(best, finite[best], of_control, start, threshold), threshold)
    if best is None:
        found = "no remedy reached the end"
    elif beaten:
        found = f"the best remedy, {best} ({finite[best]:.4f}), is no better than {what} ({before:.4f})"
    else:
        found = (
            f"the best remedy, {best} ({finite[best]:.4f}), differs from the control ({of_control:.4f}) by "
            f"{finite[best] - of_control:+.4f}; only a gain of more than {threshold:.4f} would be more than noise"
        )
    if start - of_control > threshold:
        return Selection(
            "nothing to solve",
            None,
            f"the unchanged phase goes from {start:.4f} to {of_control:.4f} by itself: let it continue; {found}",
            threshold,
        )
    return Selection("nothing helped", None, f"{found}; keep the phase's best model, or add clips", threshold)


def _won(name: str, value: float, control: float, start: float, threshold: float) -> str:
    if not math.isfinite(control):
        return f"{name} reaches {value:.4f} from {start:.4f}; the unchanged phase did not reach the end"
    return (
        f"{name} reaches {value:.4f} from {start:.4f}, the unchanged phase {control:.4f} after as many clips: a gain "
        f"of {control - value:.4f}, where {threshold:.4f} could be noise"
    )
