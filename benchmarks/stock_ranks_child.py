"""One rank of the stock path: torchrun starts `-m benchmarks.stock_ranks_child JOB`; see stock_ranks."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
from trainer import Trainer, TrainerArgs

from benchmarks.train_speed_stock import recipe, sample_of
from testbed.stock import MODULE, read_with_soundfile, stock_model
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.xtts.base import BaseFiles


class Unwrapped(Trainer):  # type: ignore[misc]  # Trainer has no types
    """The stock Trainer, with what keeps it from starting under accelerate mended, and nothing else.

    `_get_model` gives the model inside the wrapper, and the wrapper has the `optimize` that Trainer asks it for, which
    here only says that the model has none of its own.
    """

    def _get_model(self) -> Any:
        model = super()._get_model()
        return getattr(model, "module", model)

    def setup_accelerate(self) -> None:
        super().setup_accelerate()
        if self.model is not self._get_model():
            self.model.optimize = self._get_model().optimize


def main(job: dict[str, Any]) -> None:
    """Take the job's steps; write how far the weights were apart after each, and how often the clips were the same.

    `trainer` is 'stock' or 'mended'; `seeds` is 'declared' (stock's: one for all) or 'own' (one a rank).
    """
    folder, out = Path(job["folder"]), Path(job["out"])
    base, run = BaseFiles(folder / "base"), RunFolder(folder / "run" / "speed")
    model = stock_model(base)
    torch.set_num_threads(1)  # what importing stock's data set does; the helper that makes the model undoes it
    notes = Notes(model, job["steps"], job["seeds"] == "own")
    train = read_clips(run.clips, "train")
    config = recipe(model.config, {"batch": 3, "seed": 1}, out, len(train))
    config.run_eval = False
    with (
        patch(f"{MODULE}.dataset.load_audio", read_with_soundfile),
        patch.object(model, "format_batch", notes.batch),
    ):
        trainer = (Unwrapped if job["trainer"] == "mended" else Trainer)(
            TrainerArgs(use_accelerate=True),
            config,
            output_path=str(out / f"rank{os.environ['RANK']}"),
            model=model,
            train_samples=[sample_of(clip) for clip in train],
            eval_samples=[],
            callbacks={"on_train_epoch_start": notes.epoch, "on_train_step_end": notes.step},
            parse_command_line_args=False,
        )
        with contextlib.suppress(StopIteration):
            trainer._fit()
    notes.write(out)
    dist.barrier()


class Notes:
    """What a rank saw, and how far the ranks are apart."""

    def __init__(self, model: Any, steps: int, own_seeds: bool) -> None:
        self._model, self._steps, self._own_seeds = model, steps, own_seeds
        self._format = model.format_batch
        self._clips: list[list[str]] = []
        self._apart: list[float] = []

    def epoch(self, _: object) -> None:
        """Before the loader of an epoch draws its seed."""
        if self._own_seeds:
            random.seed(dist.get_rank())
            torch.manual_seed(dist.get_rank())

    def batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        self._clips.append([Path(name).name for name in batch["filenames"]])
        return dict(self._format(batch))

    def step(self, _: object) -> None:
        """Raises StopIteration after the last step: stock knows no number of steps."""
        self._apart.append(largest_difference(self._model))
        if len(self._apart) >= self._steps:
            raise StopIteration

    def write(self, out: Path) -> None:
        drawn: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(drawn, self._clips)
        same = sum(all(clips == step[0] for clips in step) for step in zip(*drawn, strict=True))
        if dist.get_rank() == 0:
            figures = {"apart": self._apart, "steps_of_the_same_clips": same}
            (out / "result.json").write_text(json.dumps(figures), encoding="utf-8")


def largest_difference(model: torch.nn.Module) -> float:
    """Of any weight between rank 0 and any other rank."""
    own = torch.cat([weight.detach().flatten() for weight in model.parameters() if weight.requires_grad])
    first = own.clone()
    dist.broadcast(first, src=0)
    difference = (own - first).abs().max()
    dist.all_reduce(difference, op=dist.ReduceOp.MAX)
    return float(difference)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    # Not by the interpreter's own end: gloo's thread may let go of a result, for which it needs Python's lock, while
    # Python with the lock takes down the group, and waits for that thread (seen with torch 2.11).
    sys.stdout.flush()
    os._exit(0)
