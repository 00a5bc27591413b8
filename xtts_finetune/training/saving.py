"""Checkpoints in Coqui's format, each whole or not there at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import torch

from xtts_finetune.records.atomic import atomic_path, replace_with_retry
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.sources import KeptStep
from xtts_finetune.xtts.state import read_checkpoint


def save_checkpoint(folder: CandidateFolder, state: dict[str, Any], keep: list[KeptStep]) -> None:
    """Write checkpoint_<step>.pth and clear away what it replaces.

    The newest checkpoint alone holds what resuming needs. An older one stays if a later phase starts from
    it, without its optimizer state unless that phase keeps it.
    """
    step = int(state["step"])
    _write(state, folder.checkpoint(step))
    kept = {needed.step: needed for needed in keep}
    for old_step, path in folder.checkpoints():
        if old_step == step:
            continue
        if old_step not in kept:
            path.unlink()
        elif not kept[old_step].with_optimizer:
            _slim_down(path)


def save_best(folder: CandidateFolder, state: dict[str, Any]) -> None:
    """Write best_model_<step>.pth without optimizer state, let best_model.pth be the same file, drop the older."""
    step = int(state["step"])
    best = folder.best_model_of(step)
    _write({**state, "optimizer": None, "scheduler": None, "scaler": None}, best)
    _link(best, folder.best_model)
    for old_step, path in folder.best_models():
        if old_step != step:
            path.unlink()


def training_state(
    model: torch.nn.Module, config: dict[str, Any], step: int, epoch: float, **more: object
) -> dict[str, Any]:
    """What Coqui's Trainer puts into a checkpoint; `more` adds optimizer, scheduler, scaler, model_loss."""
    return {
        "config": config,
        "model": model.state_dict(),
        "step": step,
        "epoch": int(epoch),
        "date": date.today().isoformat(),
        **more,
    }


def _write(state: dict[str, Any], path: Path) -> None:
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def _slim_down(path: Path) -> None:
    checkpoint = read_checkpoint(path)
    if not checkpoint.get("optimizer"):
        return
    slim = {**checkpoint, "optimizer": None, "scheduler": None, "scaler": None}
    # Copied out of the memory map: Windows replaces no file that is mapped.
    slim["model"] = {name: weight.clone() for name, weight in checkpoint["model"].items()}
    del checkpoint
    _write(slim, path)


def _link(source: Path, target: Path) -> None:
    """A hard link, which needs no rights and no second copy on disk; a copy where the file system has no links."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    replace_with_retry(temporary, target)
