"""Making a race's setup from a phase as it stands: which checkpoint, how long, which remedies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from xtts_finetune.curves.diagnosis import diagnose
from xtts_finetune.curves.readers.metrics_file import curves_of_metrics
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.inputs import planned_phase
from xtts_finetune.records.checkpoints import read_checkpoint_records
from xtts_finetune.records.metrics import Metrics, read_metrics
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.levels import shipped_levels
from xtts_finetune.spec.reading.yaml_file import read_document
from xtts_finetune.spec.train import is_lora
from xtts_finetune.trials.halving import rounds_of
from xtts_finetune.trials.race.remedies import LEVEL, Remedy, remedies_for
from xtts_finetune.trials.race.setup import Entry, RaceFolder, Setup, Start, pin, read_setup, write_setup
from xtts_finetune.trials.situation import Situation

# A race takes a third of the phase's steps, unless it is told otherwise.
SHARE_OF_PHASE = 3
# With so many evaluations at least, so that two of them are an early mark; fewer in a race of fewer steps.
EVALS, FEWEST_EVALS = 16, 8
# The last checkpoint counts as well as the best one where its mel_ce is no worse than by this share.
AS_GOOD_AS_BEST = 0.005
MOST_AVERAGED = 5


@dataclass(frozen=True)
class Wishes:
    """What the user asks for; None leaves it to the tool, or to the setup that is there."""

    steps: int | None = None
    start: Literal["last", "best"] | None = None


def race_folder(work: Work, phase: str) -> RaceFolder:
    """The folder of the phase's race. Raises UserError for a phase that is not declared."""
    if phase not in work.declaration.phases:
        known = ", ".join(work.declaration.phases)
        raise UserError(f"unknown phase '{phase}'; {work.declaration.file.name} declares {known}")
    return RaceFolder(work.run.remedies / phase)


def setup_for(work: Work, phase: str, wishes: Wishes) -> Setup:
    """The phase's setup: that which is there, or a new one with its files.

    Raises UserError when the phase was not trained, or what is wished differs from a race that has begun.
    """
    folder = race_folder(work, phase)
    there = read_setup(folder)
    if there is not None:
        differs = _differences(there, wishes, work.declaration.phases[phase].eval_every_steps)
        begun = any(folder.trial(entry.name).is_dir() for entry in there.entries)
        if not differs:
            _say_what_went_on(work, phase, there)
            return there
        if begun:
            raise UserError(
                f"the race of {phase} has begun with {differs}; go on without that option, or begin anew with --fresh"
            )
    return _make(work, phase, folder, wishes)


def _make(work: Work, phase: str, folder: RaceFolder, wishes: Wishes) -> Setup:
    candidate, spec = work.run.candidate(phase), work.declaration.phases[phase]
    metrics = read_metrics(candidate.metrics)
    start, source = starting_point(candidate, metrics, wishes.start, adapters=is_lora(spec.train))
    planned = planned_phase(work.declaration, work.run, phase)
    wished = wishes.steps or max(1, (planned.steps if planned else len(metrics.steps)) // SHARE_OF_PHASE)
    evals, every = length_of(wished, spec.eval_every_steps)
    models = _models(candidate)
    found = diagnose(curves_of_metrics(metrics))
    situation = Situation(
        name=phase,
        phase=spec,
        metrics=metrics,
        evals=evals,
        eval_every=every,
        first_mark=evals,
        verdict=found.verdict,
        advised=frozenset(found.remedies),
        optimizer=start.optimizer,
        models=len(models),
        level=level_values(work.declaration, LEVEL),
    )
    racing = sum(remedy.kind == "train" for remedy in remedies_for(situation)) - 1
    warmup = _longest_warmup(remedies_for(situation))
    marks = rounds_of(racing, evals, -(-warmup // every)).marks
    situation = replace(situation, first_mark=marks[0])
    remedies = {remedy.name: remedy for remedy in remedies_for(situation)}
    entries = tuple(Entry(r.name, r.kind, r.change, r.why, r.expect) for r in remedies.values())
    best = metrics.best.mel_ce if metrics.best is not None else math.inf
    start = replace(start, fingerprint=pin(source, folder.start))
    setup = Setup(phase, start, evals, marks, every, entries, best, models, found.words)
    return write_setup(folder, setup, situation, remedies)


def length_of(wished: int, eval_every: int) -> tuple[int, int]:
    """A race of at least the wished steps: how many evaluations, and steps between two of them."""
    every = min(eval_every, max(1, wished // EVALS))
    return max(FEWEST_EVALS, -(-wished // every)), every


def starting_point(
    candidate: CandidateFolder, metrics: Metrics, wished: str | None, adapters: bool
) -> tuple[Start, Path]:
    """Where the race starts: the last checkpoint, with its moments, unless the best model is clearly better."""
    resumes = [record for record in read_checkpoint_records(candidate) if record.resumes]
    best, final = metrics.best, metrics.final
    if best is None or final is None or not (resumes or candidate.best_model.is_file()):
        raise UserError(
            f"{candidate.name} has no model to start from yet: train it first: run_pipeline {candidate.name}"
        )
    worse = not final.mel_ce <= (1 + AS_GOOD_AS_BEST) * best.mel_ce
    if wished == "best" or not resumes or (wished is None and worse):
        return Start("best", best.step, best.mel_ce, "reset"), candidate.best_model
    step = resumes[-1].step
    measured = next((record.mel_ce for record in metrics.evals if record.step == step), None)
    return Start("last", step, measured, "reset" if adapters else "keep"), candidate.checkpoint(step)


def _models(candidate: CandidateFolder) -> tuple[str, ...]:
    """Files of models along the phase's run that can be averaged, the newest last: best models and checkpoints."""
    by_step = dict(candidate.best_models())
    by_step |= {step: path for step, path in candidate.checkpoints() if step not in by_step}
    return tuple(by_step[step].name for step in sorted(by_step)[-MOST_AVERAGED:])


def _longest_warmup(remedies: tuple[Remedy, ...]) -> int:
    schedules: list[Mapping[str, Any]] = [remedy.changes.get("schedule") or {} for remedy in remedies]
    return max(int(schedule.get("warmup_steps", 0)) for schedule in schedules)


def level_values(declaration: Declaration, name: str) -> Mapping[str, Any]:
    """The values of a level, the project's own before the shipped one; empty where there is none."""
    own = declaration.folder / "phases" / "levels" / f"{name}.yaml"
    file = own if own.is_file() else shipped_levels().get(name)
    return {} if file is None else read_document(file, file.name).data or {}


def _differences(there: Setup, wishes: Wishes, eval_every: int) -> str:
    """In words, what a setup has other than wished; '' for nothing."""
    found = []
    if wishes.steps is not None and length_of(wishes.steps, eval_every) != (there.evals, there.eval_every):
        found.append(f"{there.steps} steps")
    if wishes.start is not None and wishes.start != there.start.which:
        found.append(f"the {there.start.which} checkpoint")
    return " and ".join(found)


def _say_what_went_on(work: Work, phase: str, setup: Setup) -> None:
    records = read_checkpoint_records(work.run.candidate(phase))
    if setup.start.which == "last" and records and records[-1].step > setup.start.step:
        work.say(
            f"note: {phase} has gone on to step {records[-1].step} since; this race starts from its step "
            f"{setup.start.step}. --fresh begins one from where it is now",
            "yellow",
        )
