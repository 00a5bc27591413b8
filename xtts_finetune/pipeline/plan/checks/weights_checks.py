"""Checkpoints that due stages will read: looked into before anything is started or moved. Without torch."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.evaluation.candidates import made_candidates, sources_of
from xtts_finetune.pipeline.plan.checks.check import Check, error, found_and_cure, ok, warning
from xtts_finetune.pipeline.plan.leaving_out import UNTIL
from xtts_finetune.pipeline.plan.stages import Plan, Stage
from xtts_finetune.records.checkpoints import read_checkpoint_records
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.sources import Source, source_of
from xtts_finetune.xtts.base import BaseFiles, find_base
from xtts_finetune.xtts.weights.fit import problem_of_weights


def weights_checks(declaration: Declaration, plan: Plan, run: RunFolder) -> list[Check]:
    """The files that due phases start from, and those that candidates are; the base has its own check.

    A start that cannot be used is an error. A candidate's file that cannot is left out of the plan already, see
    `leaving_out`; one that was changed since the plan was made is a warning. All of a
    file of the user's own is read, a second for each GB; of checkpoints of this run the size is compared with what was
    written.

    Raises UserError if the base is not there.
    """
    base = find_base(declaration.pipeline.base)
    due = {stage.name for stage in plan.due}
    checks = []
    for stage in plan.due:
        if stage.kind == "phase" and _reads_its_start(declaration, stage):
            source = source_of(declaration, stage.name)
            if source.file is not None:
                checks.append(_start(stage.name, source.file, base))
            elif source.phase not in due:
                checks += _earlier(stage.name, source, run)
    made = made_candidates(declaration)
    for stage in plan.due:
        if stage.kind == "candidate" and stage.name in made and not sources_of(made[stage.name]):
            checks.append(_candidate(stage.name, made[stage.name].file, base))
    return checks


def _reads_its_start(declaration: Declaration, stage: Stage) -> bool:
    """A phase that resumes reads its own checkpoint; its start only to be held to it; one brought back, none."""
    if stage.brings_back is not None and stage.resumes_at is None:
        return False
    return stage.resumes_at is None or bool(declaration.phases[stage.name].kl_weight)


def _start(name: str, file: Path, base: BaseFiles) -> Check:
    problem = problem_of_weights(file, base)
    if problem is None:
        return ok(f"{name} start", f"{file} fits the base")
    found, cure = found_and_cure(problem)
    return error(name, f"resume_from: {found}", cure)


def _candidate(name: str, file: Path, base: BaseFiles) -> Check:
    problem = problem_of_weights(file, base)
    if problem is None:
        return ok(f"candidate {name}", f"{file} fits the base")
    found, cure = found_and_cure(problem)
    return warning(f"candidate {name}", found, f"{cure}; {UNTIL}")


def _earlier(name: str, source: Source, run: RunFolder) -> list[Check]:
    """What is wrong with the size of the checkpoint of an earlier phase; best models have no record of theirs."""
    if source.phase is None or source.checkpoint == "best":
        return []
    folder = run.candidate(source.phase)
    records = read_checkpoint_records(folder)
    wanted = None if source.checkpoint == "last" else int(source.checkpoint.split()[1])
    record = next((each for each in reversed(records) if wanted in (None, each.step)), None)
    if record is None:
        return []
    path = folder.checkpoint(record.step)
    if not path.is_file():
        found = f"{path} is gone"
    elif path.stat().st_size not in (record.bytes, record.slim_bytes):
        found = f"{path}: damaged: {path.stat().st_size:,} bytes, but {record.bytes:,} were written"
    else:
        return []
    return [
        error(
            name,
            f"resume_from: {found}",
            f"put it back, or train it again: run_pipeline {source.phase} --fresh",
        )
    ]
