"""The remedy that needs no training: the mean of models along the phase's run, evaluated like any candidate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.errors import WorkFailed
from xtts_finetune.pipeline.children.jobs import run_job
from xtts_finetune.pipeline.children.lock import run_lock, wait_for_older_child
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.inputs import data_content
from xtts_finetune.pipeline.plan.stage_records import hash_of
from xtts_finetune.records.atomic import link_or_copy
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.trials.trials import Outcome, Point, Trial, trial_work
from xtts_finetune.xtts.base import quick_hash

MEAN = "mean"


def average(work: Work, trial: Trial, models: Sequence[Path]) -> Outcome:
    """Average the models, evaluate the mean, and say how it stands; what was done from the same models stays.

    `trial` names the folder; its phase is not trained. The mean is the candidate `MEAN` there. Models that are gone
    are left out; without two of them the outcome is that of a trial which did not begin.
    """
    with run_lock(trial.folder):
        wait_for_older_child(trial.folder, work.say)
        parts = _pinned(trial, models)
        if len(parts) < 2:
            return Outcome(trial.name, message="fewer than two models are there to be averaged")
        own = trial_work(work, trial, _matrix(trial, parts))
        fingerprint = hash_of([data_content(own.run), *(quick_hash(part) for part in parts)])
        folder = mean_of(trial)
        info = read_model_info(folder) or {}
        if info.get("fingerprint") != fingerprint:
            work.say(f"{trial.name}: the mean of {len(parts)} models")
            try:
                run_job(own, trial.name, ["candidate"], candidate=MEAN, fingerprint=fingerprint)
            except WorkFailed as error:
                return Outcome(trial.name, status="failed", message=str(error))
    points = tuple(Point(record.step, record.mel_ce) for record in read_metrics(folder.metrics).evals)
    seconds = float((read_model_info(folder) or {}).get("seconds") or 0.0)
    first = points[0] if points else None
    return Outcome(trial.name, best=first, last=first, points=points, seconds=seconds, status="done")


def mean_of(trial: Trial) -> CandidateFolder:
    """The folder of the mean."""
    return RunFolder(trial.folder).candidate(MEAN)


def _pinned(trial: Trial, models: Sequence[Path]) -> list[Path]:
    """The models as candidates of the trial's folder: links, so that they stay while the phase goes on."""
    parts = []
    for model in models:
        part = RunFolder(trial.folder).candidate(model.stem).best_model
        if not part.is_file() and model.is_file():
            part.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(model, part)
        if part.is_file():
            parts.append(part)
    return parts


def _matrix(trial: Trial, parts: Sequence[Path]) -> dict[str, Any]:
    """The decision matrix in which the mean is declared, as candidates that are made of others are."""
    names = [part.parent.name for part in parts]
    made = [
        {"name": name, "checkpoint": f"{name}/{part.name}"} for name, part in zip(names, parts, strict=True)
    ]
    return {"candidates": [*made, {"name": MEAN, "average": names}]}
