"""What a race is run from: the pinned start, its length and the remedies, made from a phase as it stands.

A remedy is a file in the language of a phase, with what it changes and why as comments.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from xtts_finetune.curves.diagnosis import diagnose
from xtts_finetune.curves.readers.metrics_file import curves_of_metrics
from xtts_finetune.errors import DeclarationError, UserError
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.inputs import planned_phase
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.candidates.checkpoints import read_checkpoint_records
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, TrialsFolder
from xtts_finetune.records.values import text_digest
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.levels import shipped_levels
from xtts_finetune.spec.reading.yaml_file import read_document
from xtts_finetune.trials.judging import rounds_of
from xtts_finetune.trials.pinned import (
    SHARE_OF_PHASE,
    Setup,
    Wishes,
    declared_phase,
    find_start,
    make_trial,
    pin,
    read_setup,
    warmup_steps,
    write_setup,
)
from xtts_finetune.trials.race.remedies import AVERAGED, CONTROL, LEVEL, Remedy, remedies_for
from xtts_finetune.trials.race.situation import Situation
from xtts_finetune.trials.trial import Trial

# With so many evaluations at least, so that two of them are an early mark; fewer in a race of fewer steps.
EVALS, FEWEST_EVALS = 16, 8
MOST_AVERAGED = 5
WIDTH = 110


@dataclass(frozen=True)
class RaceEntry:
    """A remedy as the race knows it; `written` is the fingerprint of its file as it was made."""

    name: str
    kind: Literal["train", "average", "advice"]
    change: str
    why: str
    expect: str
    written: str = ""


@dataclass(frozen=True)
class RaceSetup(Setup):
    """What a race is run from.

    best_before  mel_ce of the phase's best model, in nats
    models       files of the phase that can be averaged, the newest last
    """

    entries: tuple[RaceEntry, ...]
    best_before: float
    models: tuple[str, ...] = ()
    diagnosis: str = ""

    @classmethod
    def own_parts(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Entries and models as the fields hold them."""
        entries = tuple(RaceEntry(**entry) for entry in content["entries"])
        return {**content, "entries": entries, "models": tuple(content["models"])}

    @property
    def trained(self) -> tuple[RaceEntry, ...]:
        """The remedies that are trained, the control first."""
        return tuple(entry for entry in self.entries if entry.kind == "train")

    def entry(self, name: str) -> RaceEntry:
        """The remedy of this name. Raises UserError when there is none."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.entries)
        raise UserError(f"there is no remedy '{name}' for {self.phase}; there are: {known}")


def race_setup(work: Work, phase: str, wishes: Wishes) -> tuple[TrialsFolder, RaceSetup]:
    """The phase's race: that which is there, or a new one with its files.

    Raises UserError when the phase was not trained, or what is wished differs from a race that has begun.
    """
    spec, folder = declared_phase(work, phase), work.run.race(phase)
    there = read_setup(folder, RaceSetup)
    if there is not None:
        differs = _differences(there, wishes, spec.eval_every_steps)
        if not differs:
            _say_what_went_on(work, there)
            return folder, there
        if any(folder.trial(entry.name).is_dir() for entry in there.entries):
            raise UserError(
                f"the race of {phase} has begun with {differs}; continue without that option, or start over with "
                "--fresh"
            )
    return folder, _make(work, phase, folder, wishes, there)


def trial_of(folder: TrialsFolder, setup: RaceSetup, name: str, seed: int | None = None) -> Trial:
    """A remedy's trial, from its file as it now is; with `seed` a repetition of it with other batches.

    Raises DeclarationError when the file cannot be read.
    """
    values = read_remedy(folder.remedy(name))
    if seed is None:
        return make_trial(folder, setup, name, values)
    return make_trial(folder, setup, f"{name}-seed{seed}", values | {"seed": seed})


def changed_by_hand(folder: TrialsFolder, entry: RaceEntry) -> bool:
    """Whether somebody has changed a remedy's file since it was written."""
    return _fingerprint(folder.remedy(entry.name)) != entry.written


def racing_names(folder: TrialsFolder, setup: RaceSetup) -> tuple[str, ...]:
    """The remedies that race, without the control: those whose file is there.

    Whoever removes a file wants one remedy less.
    """
    names = (entry.name for entry in setup.trained if entry.name not in (CONTROL, AVERAGED))
    return tuple(name for name in names if folder.remedy(name).is_file())


def _make(work: Work, phase: str, folder: TrialsFolder, wishes: Wishes, before: RaceSetup | None) -> RaceSetup:
    candidate, spec = work.run.candidate(phase), work.declaration.phases[phase]
    metrics = read_metrics(candidate.metrics)
    start, weights = find_start(work, phase, wishes.start)
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
    warmup = max(warmup_steps(remedy.changes) for remedy in remedies_for(situation))
    marks = rounds_of(racing, evals, -(-warmup // every)).marks
    situation = replace(situation, first_mark=marks[0])
    start = pin(folder, start, weights)
    entries = _write_remedies(folder, situation, before)
    best = metrics.best.mel_ce if metrics.best is not None else math.inf
    setup = RaceSetup(phase, start, evals, marks, every, entries, best, models, found.words)
    write_setup(folder, setup)
    return setup


def length_of(wished: int, eval_every: int) -> tuple[int, int]:
    """A race of at least the wished steps: how many evaluations, and steps between two of them."""
    every = min(eval_every, max(1, wished // EVALS))
    return max(FEWEST_EVALS, -(-wished // every)), every


def _models(candidate: CandidateFolder) -> tuple[str, ...]:
    """Files of models along the phase's run that can be averaged, the newest last: best models and checkpoints."""
    by_step = dict(candidate.best_models())
    by_step |= {step: path for step, path in candidate.checkpoints() if step not in by_step}
    return tuple(by_step[step].name for step in sorted(by_step)[-MOST_AVERAGED:])


def level_values(declaration: Declaration, name: str) -> Mapping[str, Any]:
    """The values of a level, the project's own before the shipped one; empty where there is none."""
    own = declaration.folder / "phases" / "levels" / f"{name}.yaml"
    file = own if own.is_file() else shipped_levels().get(name)
    return {} if file is None else read_document(file, file.name).data or {}


def _differences(there: RaceSetup, wishes: Wishes, eval_every: int) -> str:
    """In words, what a setup has other than wished; '' for nothing."""
    found = []
    if wishes.steps is not None and length_of(wishes.steps, eval_every) != (there.evals, there.eval_every):
        found.append(f"{there.steps} steps")
    if wishes.start is not None and wishes.start != there.start.which:
        found.append(f"the {there.start.which} checkpoint")
    return " and ".join(found)


def _say_what_went_on(work: Work, setup: RaceSetup) -> None:
    phase, start = setup.phase, setup.start
    steps = [record.step for record in read_checkpoint_records(work.run.candidate(phase))]
    if start.which == "last" and start.step is not None and steps and steps[-1] > start.step:
        work.say(
            f"note: {phase} has since reached step {steps[-1]}; this race starts from its step {start.step}. "
            "--fresh starts one from where it is now",
            "yellow",
        )


def _write_remedies(folder: TrialsFolder, situation: Situation, before: RaceSetup | None) -> tuple[RaceEntry, ...]:
    """Write the remedies' files; one that somebody has changed since it was made, for `before`, stays as it is."""
    ours = {entry.name: entry.written for entry in before.entries} if before else {}
    entries = []
    for remedy in remedies_for(situation):
        file = folder.remedy(remedy.name)
        values = remedy.values(situation) if remedy.kind == "train" else {}
        text = remedy_text(remedy, values, situation.going_on(), situation.name)
        if not file.is_file() or _fingerprint(file) == ours.get(remedy.name):
            write_text_atomic(file, text)
        written = _hash(text)
        entries.append(RaceEntry(remedy.name, remedy.kind, remedy.change, remedy.why, remedy.expect, written))
    return tuple(entries)


def remedy_text(remedy: Remedy, values: Mapping[str, Any], unchanged: Mapping[str, Any], of: str) -> str:
    """The file's text: the remedy's `values`, each with what it is in `unchanged`, the control's values."""
    lines = [f"# Remedy '{remedy.name}' for {of}, written by xtts-finetune solve. What you change here is kept."]
    for title, words in (
        ("Change", remedy.change),
        ("Why", remedy.why),
        ("Expected", remedy.expect),
    ):
        lines += textwrap.wrap(
            f"{title}: {words}.", WIDTH, initial_indent="# ", subsequent_indent="#   ", break_long_words=False
        )
    for key, value in values.items():
        before = unchanged.get(key)
        comment = "" if before == value else f"   # {'was ' + on_one_line(before) if key in unchanged else 'new'}"
        lines.append(f"{key}: {on_one_line(value)}{comment}")
    return "\n".join(lines) + "\n"


def read_remedy(file: Path) -> dict[str, Any]:
    """The values of a remedy's file. Raises DeclarationError when it cannot be read; no value is checked yet."""
    document = read_document(file, file.name)
    if document.data is None:
        raise DeclarationError(document.problems())
    return dict(document.data)


def on_one_line(value: object) -> str:
    """A value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _fingerprint(file: Path) -> str:
    return _hash(file.read_text(encoding="utf-8", errors="replace")) if file.is_file() else ""


def _hash(text: str) -> str:
    return text_digest(text)[:16]
