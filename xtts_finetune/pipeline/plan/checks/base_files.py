"""The base's five files: whether they are there, whole, and fit each other. Without torch."""

from __future__ import annotations

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.checks.check import Check, error, found_and_cure, ok, warning
from xtts_finetune.pipeline.plan.disk import readable
from xtts_finetune.pipeline.plan.stages import Plan
from xtts_finetune.pipeline.plan.trained_sizes import gpt_sizes
from xtts_finetune.xtts.base import BaseFiles, find_base, read_config
from xtts_finetune.xtts.releases import Release, release_of
from xtts_finetune.xtts.rewritten import rewritten
from xtts_finetune.xtts.weights.fit import problem_of_base

NAME = "base"
# Stages that read the base's weights; the decision and the report read what others left.
LOADING = ("data", "base", "phase", "candidate", "utterances")


def check_base(name_or_path: str, deep: bool = False) -> Check:
    """Whether all files are there and fit each other; `deep` reads all of them and compares their sums (seconds)."""
    try:
        base = find_base(name_or_path)
        gpt_sizes(read_config(base))
    except UserError as fault:
        return error(NAME, str(fault), "run_pipeline --demo shows everything without it")
    release = release_of(name_or_path)
    if problem := problem_of_base(base, values=deep):
        found, cure = found_and_cure(problem)
        if release is not None:
            cure = f"remove it, then: xtts-finetune fetch {release.name}"
        return error(NAME, found, cure)
    if release is None:
        return ok(NAME, f"{base.folder}, {readable(_size(base))}")
    others = _of_other_size(base, release)
    if others:
        found = f"{base.folder}: {', '.join(others)} is not of version {release.version}"
        return warning(
            NAME, found, "it may do all the same; for this one, remove it, then: xtts-finetune fetch"
        )
    model = release.file(base.model.name)
    same = base.model.stat().st_size == model.size
    how = "" if same else f"; {model.name}: {rewritten(base.model, model, values=False)}"
    return ok(NAME, f"{base.folder}, version {release.version}, {readable(_size(base))}{how}")


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
    return sum(
        file.stat().st_size for file in (base.model, base.dvae, base.mel_stats, base.vocab, base.config)
    )
