"""Whether there is a voice to speak with: recordings that can be heard, a speaker who is in the data, a recogniser."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.usable_references import reference_problems
from xtts_finetune.evaluation.whose_voice import reference_files, whose_voice
from xtts_finetune.pipeline.plan.checks.check import Check, error, ok
from xtts_finetune.pipeline.plan.stages import Plan
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import find_base

VOICE, RECOGNISER = "voice", "recogniser"


def voice_checks(declaration: Declaration, plan: Plan) -> list[Check]:
    """What would fail only after hours of training: a silent reference, an unknown speaker, a program that is missing.

    Nothing is said of a voice that comes from clips which are not prepared yet. Without torch.
    """
    return [*_voice(declaration, plan), *_recogniser(declaration)]


def _voice(declaration: Declaration, plan: Plan) -> list[Check]:
    reference, file = declaration.utterances.reference, declaration.pipeline.utterances.name
    run = RunFolder(declaration.run_folder)
    if plan.stage("data").due and not reference.files:
        return []
    try:
        files = reference_files(declaration, run)
        problems = reference_problems(files, find_base(declaration.pipeline.base))
        if problems:
            place = f"it is under 'reference:' in {file}" if reference.files else "prepare the clips again"
            return [error(VOICE, problem, place) for problem in problems]
        if plan.stage("data").due:
            return [ok(VOICE, f"the recordings are there: {', '.join(each.name for each in files)}")]
        found = whose_voice(declaration, run).words
    except UserError as fault:
        return [error(VOICE, str(fault), f"correct 'reference:' in {file}")]
    return [ok(VOICE, found)]


def _recogniser(declaration: Declaration) -> list[Check]:
    """Whether the declared program can be started; what it hears is not tried."""
    spec = declaration.utterances.recogniser
    if spec is None:
        return []
    program = spec.command[0]
    found = shutil.which(program)
    if found is not None:
        return [ok(RECOGNISER, found)]
    correct = f"correct 'recogniser.command' in {declaration.pipeline.utterances.name}"
    there = shutil.which(program, mode=os.F_OK)
    if there is not None:
        return [
            error(
                RECOGNISER,
                f"{Path(there).absolute()} is there, but it is not executable",
                f"make it executable: chmod +x {shlex.quote(there)}",
            )
        ]
    return [
        error(
            RECOGNISER, f"there is no program '{program}' {_looked_for(program)}", f"install it, or {correct}"
        )
    ]


def _looked_for(program: str) -> str:
    """Where a program is looked for: the system knows nothing of the declaration's folder."""
    if Path(program).is_absolute():
        return "that can be started"
    if Path(program).name == program:
        return "in the folders of PATH"
    return f"in {Path.cwd()}; a relative path counts from the folder that you start the command in"
