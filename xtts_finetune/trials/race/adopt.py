"""Taking a remedy over: as a candidate that may ship, or as the next phase."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import yaml

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.run_folder import TrialsFolder
from xtts_finetune.records.trials import Standing
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.trials.race.setup import RaceSetup, on_one_line, read_remedy
from xtts_finetune.trials.trial import relative_to

# What a race sets for its own length; the next phase gets the phase's.
_OF_THE_RACE = ("resume_from", "steps", "epochs", "eval_every_steps", "checkpoint_every", "keep", "stop_when")
_OF_THE_PHASE = ("epochs", "steps", "eval_every_steps", "checkpoint_every", "keep", "stop_when", "success")


def candidate_yaml(work: Work, folder: TrialsFolder, standing: Standing) -> str:
    """What to write into the decision matrix so that the remedy's best model may ship."""
    declaration = work.declaration
    matrix = declaration.pipeline.decision
    model = relative_to(folder.path / standing.model, matrix.parent)
    listed = [entry if isinstance(entry, str) else entry.name for entry in declaration.decision.candidates] or [
        BASE,
        *declaration.pipeline.phases,
    ]
    entries = [f"  - {name}" for name in listed]
    entries.append(f"  - {{name: {_new_name(folder, standing.name)}, checkpoint: {on_one_line(model)}}}")
    return "\n".join(["candidates:", *entries])


def adopt(work: Work, folder: TrialsFolder, setup: RaceSetup, name: str) -> list[str]:
    """Write `phases/<phase>-<remedy>.yaml`: the phase as long as it was, changed as the remedy changes it.

    It starts where the race started. Returns what to say. Raises UserError for a remedy that is no training, for a
    declaration that is part of the package, and where there is such a file.
    """
    declaration, entry = work.declaration, setup.entry(name)
    if entry.kind != "train":
        raise UserError(f"'{name}' trains nothing; adopt it as a candidate (see {folder.selection})")
    phases = declaration.folder / "phases"
    new = _new_name(folder, name)
    file = phases / f"{new}.yaml"
    if file.exists():
        raise UserError(f"{file} exists already; remove it or rename it first")
    if not os.access(phases, os.W_OK) or work.run.root.parent.parent != declaration.folder:
        raise UserError(f"{phases} belongs to the package: copy the config into your own folder and name it with -f")
    remedy = {key: value for key, value in read_remedy(folder.remedy(name)).items() if key not in _OF_THE_RACE}
    values: dict[str, Any] = {
        "goal": f"{setup.phase} changed by the remedy '{name}': {entry.change}",
        "resume_from": _source(setup),
        **remedy,
        **_kept_of_phase(declaration, setup, remedy),
    }
    head = f"# From a race of remedies for {setup.phase}. {entry.change}.\n# Why: {entry.why}.\n"
    write_text_atomic(file, head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    order = list(declaration.pipeline.phases)
    order.insert(order.index(setup.phase) + 1, new)
    return [
        f"written: {file}",
        f"put it among the phases of {declaration.file.name}:  phases: [{', '.join(order)}]",
        f"then:  {command(new, 'run_pipeline')}",
    ]


def _kept_of_phase(declaration: Declaration, setup: RaceSetup, remedy: dict[str, Any]) -> dict[str, Any]:
    """Length, marks and rules of the phase itself; the length in clips stays the same with other batches."""
    phase = declaration.phases[setup.phase]
    kept = phase.model_dump(mode="json", exclude_unset=True, include=set(_OF_THE_PHASE))
    factor = phase.batch_size * phase.accumulate
    factor_now = remedy.get("batch_size", phase.batch_size) * remedy.get("accumulate", phase.accumulate)
    for key in ("steps", "eval_every_steps"):
        if kept.get(key) and factor_now:
            kept[key] = round(kept[key] * factor / factor_now)
    return {key: value for key, value in kept.items() if value is not None}


def _source(setup: RaceSetup) -> dict[str, str]:
    start = setup.start
    checkpoint = "best" if start.which == "best" else "last"
    return {"phase": setup.phase, "checkpoint": checkpoint, "optimizer": start.optimizer}


def _new_name(folder: TrialsFolder, remedy: str) -> str:
    return f"{folder.path.name}-{remedy}"


def next_steps(work: Work, folder: TrialsFolder, phase: str, winner: Standing | None) -> Sequence[str]:
    """What a user may do after a race, with the commands and the YAML to copy."""
    if winner is None:
        return ()
    steps = [
        "as a candidate that may ship, in the decision matrix:",
        *candidate_yaml(work, folder, winner).splitlines(),
    ]
    if winner.kind == "train":
        steps += [
            "as the next phase, as long as the one before:",
            f"  {command(f'solve {phase} --adopt {winner.name}')}",
        ]
    return steps
