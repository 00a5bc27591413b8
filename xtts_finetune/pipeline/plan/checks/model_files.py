"""The files that a run reads: the base's five, and checkpoints of due stages: there, whole, fitting. Without torch."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import made_candidates, sources_of
from xtts_finetune.look.commands import command
from xtts_finetune.look.quantities import readable_size
from xtts_finetune.pipeline.plan.checks.check import Check, error, found_and_cure, ok, warning
from xtts_finetune.pipeline.plan.disk import gpt_sizes
from xtts_finetune.pipeline.plan.made_state import UNTIL
from xtts_finetune.pipeline.plan.stages import Plan, Stage
from xtts_finetune.records.candidates.checkpoints import read_checkpoint_records
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.sources import Source, source_of
from xtts_finetune.xtts.base import BaseFiles, find_base, read_config
from xtts_finetune.xtts.releases import Release, release_of, rewritten
from xtts_finetune.xtts.weights.fit import problem_of_base, problem_of_weights


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
    path = folder.named(source.checkpoint)
    record = next((each for each in records if folder.checkpoint(each.step) == path), None)
    if record is None:
        return []
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
            f"put it back, or train it again: {command(f'{source.phase} --fresh', 'run_pipeline')}",
        )
    ]


NAME = "base"
# Stages that read the base's weights; the decision and the report read what others left.
LOADING = ("data", "base", "phase", "candidate", "utterances")


def check_base(name_or_path: str, deep: bool = False) -> Check:
    """Check that all files are there and fit each other; `deep` reads all of them and compares their sums (seconds)."""
    try:
        base = find_base(name_or_path)
        gpt_sizes(read_config(base))
    except UserError as fault:
        cure = "" if "run_pipeline --demo" in str(fault) else "run_pipeline --demo shows everything without it"
        return error(NAME, str(fault), cure)
    release = release_of(name_or_path)
    if problem := problem_of_base(base, values=deep):
        found, cure = found_and_cure(problem)
        if release is not None:
            cure = f"remove it, then: xtts-finetune fetch {release.name}"
        return error(NAME, found, cure)
    if release is None:
        return ok(NAME, f"{base.folder}, {readable_size(_size(base))}")
    others = _of_other_size(base, release)
    if others:
        found = f"{base.folder}: {', '.join(others)} is not of version {release.version}"
        return warning(NAME, found, "it may do all the same; for this one, remove it, then: xtts-finetune fetch")
    model = release.file(base.model.name)
    same = base.model.stat().st_size == model.size
    how = "" if same else f"; {model.name}: {rewritten(base.model, model, values=False)}"
    return ok(NAME, f"{base.folder}, version {release.version}, {readable_size(_size(base))}{how}")


def loads_base(plan: Plan) -> bool:
    """Whether a stage that is due reads the base's weights."""
    return any(stage.kind in LOADING for stage in plan.due)


def _of_other_size(base: BaseFiles, release: Release) -> list[str]:
    """Files that cannot be the published ones. Coqui's programs rewrite config.json, so its size says nothing."""
    others = [
        file
        for file in release.files
        if file.name != base.config.name and (base.folder / file.name).stat().st_size != file.size
    ]
    return [file.name for file in others if not rewritten(base.folder / file.name, file, values=False)]


def _size(base: BaseFiles) -> int:
    return sum(file.stat().st_size for file in (base.model, base.dvae, base.mel_stats, base.vocab, base.config))
