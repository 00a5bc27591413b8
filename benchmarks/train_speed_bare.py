"""The bare limit of train_speed: the GPT's forward, backward and optimizer step on batches that are on the device."""

from __future__ import annotations

import time

import torch

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.device import HALF
from xtts_finetune.training.phase_trainer import PhaseTrainer
from xtts_finetune.training.stepping import fast_matrices
from xtts_finetune.xtts.losses import GptBatch


class BareLimit:
    """Times a trainer's steps and bare ones on the same batches, a block of so many steps of each in turn.

    What a machine does at one moment and not at another then meets both alike.
    """

    def __init__(self, trainer: PhaseTrainer, phase: PhaseSpec, block: int) -> None:
        self._trainer, self._phase, self._block = trainer, phase, block
        self._began: float | None = None
        self._trained: list[float] = []
        self._bare: list[float] = []

    def begin(self) -> None:
        """The steps from here on are timed."""
        self._wait()
        self._began = time.perf_counter()

    def after_step(self, steps: int) -> None:
        """Call after each step, with the number of steps since `begin`."""
        if self._began is None or steps % self._block:
            return
        self._wait()
        self._trained.append(time.perf_counter() - self._began)
        data, device = self._trainer.job.data, self._trainer._device
        last = self._trainer.step
        batches = [data.train_batches(step)[0].to(device) for step in range(last - self._block, last)]
        self._wait()
        began = time.perf_counter()
        for batch in batches:
            self._step(batch)
        self._wait()
        self._began = time.perf_counter()
        self._bare.append(self._began - began)

    def figures(self) -> dict[str, object]:
        """Clips a second of the bare limit, what share of it the trainer reaches, and that of each block."""
        clips = self._phase.batch_size * self._block * len(self._bare)
        shares = [bare / trained for bare, trained in zip(self._bare, self._trained, strict=True)]
        return {
            "bare_clips_a_second": clips / sum(self._bare),
            "share_of_bare": sum(self._bare) / sum(self._trained),
            "share_of_each_block": shares,
        }

    def _step(self, batch: GptBatch) -> None:
        optimizer, half = self._trainer.optimizer[0], self._phase.precision in HALF
        with fast_matrices(self._phase.precision != "fp32"):
            with torch.autocast(self._trainer._device.type, HALF.get(self._phase.precision), half):
                loss = self._trainer.model(batch)["loss"]
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def _wait(self) -> None:
        if self._trainer._device.type == "cuda":
            torch.cuda.synchronize()
