"""Where a phase begins: at its declared first weights, or at its own newest whole checkpoint."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import keep_metrics_until
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.sources import Source
from xtts_finetune.training.optimizer import keep_moments
from xtts_finetune.training.phase_trainer import PhaseTrainer
from xtts_finetune.xtts.state import read_checkpoint

logger = logging.getLogger("trainer")


def first_weights(source: Source, run: RunFolder) -> Path | None:
    """The file that a phase's first weights come from; None for the base.

    Raises UserError if the earlier phase does not have the checkpoint that is asked for.
    """
    if source.phase is None:
        return source.file
    folder = run.candidate(source.phase)
    if source.checkpoint == "best":
        path = folder.best_model
    elif source.checkpoint == "last":
        checkpoints = folder.checkpoints()
        path = checkpoints[-1][1] if checkpoints else folder.path / "checkpoint_<step>.pth"
    else:
        path = folder.checkpoint(int(source.checkpoint.split()[1]))
    if not path.is_file():
        there = ", ".join(str(step) for step, _ in folder.checkpoints()) or "none"
        raise UserError(
            f"{source.phase} has no {path.name} to resume from (checkpoints there: {there}); "
            f"run it again with: run_pipeline {source.phase}"
        )
    return path


def newest_checkpoint(folder: CandidateFolder) -> dict[str, Any] | None:
    """The newest whole checkpoint of an unfinished phase that can be resumed; damaged ones are said aloud."""
    for step, path in reversed(folder.checkpoints()):
        try:
            checkpoint = read_checkpoint(path)
        except UserError as error:
            logger.warning(" > %s; looking for an older one", error)
            continue
        if checkpoint.get("optimizer") and checkpoint.get("step") == step:
            return checkpoint
    return None


def resume(trainer: PhaseTrainer, checkpoint: dict[str, Any]) -> None:
    """Go on from a checkpoint of the same phase: weights, moments, schedule and step as they were.

    Trainer's own `restore_model` starts at the step after, and turns a checkpoint that does not fit into a
    partial one without a word.
    """
    trainer.model.load_state_dict(checkpoint["model"])
    trainer.optimizer[0].load_state_dict(checkpoint["optimizer"][0])
    trainer.scheduler[0].load_state_dict(checkpoint["scheduler"][0])
    if trainer.scaler is not None and checkpoint.get("scaler"):
        trainer.scaler.load_state_dict(checkpoint["scaler"])
    trainer.step = trainer.total_steps_done = int(checkpoint["step"])
    keep_metrics_until(trainer.job.folder.metrics, trainer.step)


def begin(trainer: PhaseTrainer, source: Source, weights: Path | None) -> None:
    """Begin at step 0; with `optimizer: keep` the moments of the first weights' checkpoint go on."""
    keep_metrics_until(trainer.job.folder.metrics, -1)
    if source.optimizer == "keep" and weights is not None:
        gpt = trainer.model.xtts.gpt
        keep_moments(trainer.optimizer[0], gpt, read_checkpoint(weights), str(weights))
