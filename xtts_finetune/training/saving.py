"""What a phase keeps on the disk, in Coqui's format, each file whole or not there at all."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import torch

from xtts_finetune.records.atomic import atomic_path, link_or_copy
from xtts_finetune.records.candidates.checkpoints import (
    CheckpointRecord,
    checkpoints_that_stay,
    read_checkpoint_records,
    remove_checkpoint,
    write_checkpoint_record,
)
from xtts_finetune.records.metrics import EvalRecord
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.sources import KeptStep
from xtts_finetune.xtts.state import StateDict, read_checkpoint

# What resuming needs besides the weights.
_OF_RESUMING = ("optimizer", "scheduler", "scaler", "lora", "log_variances")


def save_checkpoint(folder: CandidateFolder, state: dict[str, Any], regular: bool) -> None:
    """Write checkpoint_<step>.pth, then its record. A checkpoint of this step that is there already stays.

    Raises OSError when there is no room.
    """
    step = int(state["step"])
    if any(record.step == step and record.resumes for record in read_checkpoint_records(folder)):
        return
    written = _write(state, folder.checkpoint(step))
    record = CheckpointRecord(step, written.size, written.crc32, resumes=True, regular=regular)
    write_checkpoint_record(folder, record)


def clear_checkpoints(folder: CandidateFolder, keep: int, needed: Sequence[KeptStep]) -> None:
    """Remove the checkpoints that newer ones replace.

    `keep` stay whole. One that a later phase starts from stays, too, without its optimizer state unless that
    phase keeps it.
    """
    records = read_checkpoint_records(folder)
    whole = {record.step for record in checkpoints_that_stay(records, keep, ())}
    with_optimizer = {needed_step.step: needed_step.with_optimizer for needed_step in needed}
    for record in records:
        if record.step in whole or with_optimizer.get(record.step):
            continue
        if record.step not in with_optimizer:
            remove_checkpoint(folder, record.step)
        elif record.resumes:
            _slim_down(folder, record)


def save_best(folder: CandidateFolder, state: dict[str, Any], evals: Sequence[EvalRecord], keep: int) -> None:
    """Keep the model of the last of `evals` if it is among the `keep` best; best_model.pth is the best one.

    The lowest mel_ce is the best. Models hold no optimizer state. Raises OSError when there is no room.
    """
    current = evals[-1]
    there = {step for step, _ in folder.best_models()}
    ranking = ranked([record for record in evals if record.step in there or record is current])[:keep]
    if current in ranking:
        best = folder.best_model_of(current.step)
        _write({**state, **dict.fromkeys(_OF_RESUMING)}, best)
        if ranking[0] is current:
            link_or_copy(best, folder.best_model)
    clear_best_models(folder, evals, keep)


def save_model(folder: CandidateFolder, state: dict[str, Any]) -> None:
    """Write best_model.pth alone, for a candidate that was not trained. Raises OSError when there is no room."""
    _write({**state, **dict.fromkeys(_OF_RESUMING)}, folder.best_model)


def clear_best_models(folder: CandidateFolder, evals: Sequence[EvalRecord], keep: int, ended: bool = False) -> None:
    """Remove the models of evaluations that better ones replace.

    After a resume there may be one of a step that is still to come again: it stays until then, because it is
    the best that there is, and goes when the phase has `ended` without reaching it.
    """
    files = dict(folder.best_models())
    stay = ranked([record for record in evals if record.step in files])[:keep]
    if ended and stay and not folder.best_model.samefile(files[stay[0].step]):
        link_or_copy(files[stay[0].step], folder.best_model)
    last = evals[-1].step if evals else -1
    for step in files.keys() - {record.step for record in stay}:
        if ended or step <= last:
            files[step].unlink()


def ranked(evals: Sequence[EvalRecord]) -> list[EvalRecord]:
    """Evaluations by mel_ce, the lowest first, the earliest of equals first; NaN does not count."""
    return sorted((record for record in evals if record.mel_ce == record.mel_ce), key=lambda r: r.mel_ce)


def training_state(
    weights: StateDict, config: dict[str, Any], step: int, epoch: float, **more: object
) -> dict[str, Any]:
    """What Coqui's Trainer puts into a checkpoint; `more` adds optimizer, scheduler, scaler, model_loss."""
    return {
        "config": config,
        "model": weights,
        "step": step,
        "epoch": int(epoch),
        "date": date.today().isoformat(),
        **more,
    }


class _Summed:
    """A file for torch.save that sums what goes through it: no second reading of gigabytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.crc32 = 0
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            self._file.write(data)
        except OSError as error:
            self.error = error
            raise
        self.size += len(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        return len(data)

    def flush(self) -> None:
        self._file.flush()


def _write(state: dict[str, Any], path: Path, announce: Callable[[int, int], None] | None = None) -> _Summed:
    """Save, whole or not at all; what was written. Raises OSError when there is no room.

    `announce` is told size and CRC-32 once the content is written, before it takes its place.
    """
    with atomic_path(path) as temporary:
        with temporary.open("wb") as file:
            summed = _Summed(file)
            try:
                torch.save(state, cast(IO[bytes], summed))
            except RuntimeError:
                # torch hides what went wrong in the file below it.
                raise (summed.error or OSError(f"{path}: cannot be written")) from None
        if announce is not None:
            announce(summed.size, summed.crc32)
    return summed


def _slim_down(folder: CandidateFolder, record: CheckpointRecord) -> None:
    """Take the optimizer state out of a checkpoint."""
    path = folder.checkpoint(record.step)
    checkpoint = read_checkpoint(path)
    slim = {**checkpoint, **dict.fromkeys(_OF_RESUMING)}
    # Copied out of the memory map: Windows replaces no file that is mapped.
    slim["model"] = {name: weight.clone() for name, weight in checkpoint["model"].items()}
    del checkpoint

    def announce(size: int, crc32: int) -> None:
        # A kill may come before or after the file takes its place: the record fits both until that is over.
        write_checkpoint_record(folder, replace(record, slim_bytes=size, slim_crc32=crc32))

    written = _write(slim, path, announce)
    whole = CheckpointRecord(record.step, written.size, written.crc32, False, record.regular)
    write_checkpoint_record(folder, whole)
