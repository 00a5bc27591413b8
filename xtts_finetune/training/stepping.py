"""One optimizer step: forward, backward, clip, update, without waiting for the device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.device import HALF
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.xtts.losses import GptBatch


@dataclass(frozen=True)
class StepValues:
    """What a step came to. `loss` is the sum that was trained on; cross-entropies are means in nats."""

    loss: float
    mel_ce: float
    text_ce_nats: float
    grad_norm: float  # before clipping


class Readback:
    """The values of a step on their way from the device."""

    def __init__(self, values: Tensor) -> None:
        self._values = values.to("cpu", non_blocking=True)
        self._arrived: torch.cuda.Event | None = None
        if values.is_cuda:
            self._arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._arrived.record()

    def get(self) -> StepValues:
        """The values; waits for the device where they are not there yet."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return StepValues(*self._values.tolist())


class Stepper:
    """Takes the steps of a phase. Coqui's `optimize()` is not used: it waits for the device four times a step.

    `scaler` scales the loss in fp16, and leaves out a step whose gradients are too large for it.
    """

    def __init__(
        self,
        model: PhaseModel,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        scaler: torch.GradScaler | None,
        phase: PhaseSpec,
    ) -> None:
        self._model, self._optimizer, self._schedule, self._scaler = model, optimizer, schedule, scaler
        self._clip = phase.gradient_clip or float("inf")
        self._precision = phase.precision
        # Of the model alone: a learned balance of losses has gradients of another size, and is not clipped with it.
        self._trained = [weight for weight in model.xtts.parameters() if weight.requires_grad]

    def take(self, batches: Sequence[GptBatch]) -> Readback:
        """One step over the mean of its micro-batches' losses."""
        device = self._trained[0].device
        losses = []
        with fast_matrices(self._precision != "fp32"):
            for batch in batches:
                with torch.autocast(device.type, HALF.get(self._precision), self._precision in HALF):
                    values = self._model(batch.to(device))
                loss = values["loss"] / len(batches)
                (self._scaler.scale(loss) if self._scaler else loss).backward()
                losses.append(
                    torch.stack([values[name].detach() for name in ("loss", "mel_ce", "text_ce_nats")])
                )
            norm = self._update()
        return Readback(torch.cat([torch.stack(losses).mean(0), norm[None]]))

    def _update(self) -> Tensor:
        """Clip and step; the norm of the gradients as it was."""
        if self._scaler is not None:
            self._scaler.unscale_(self._optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self._trained, self._clip)
        if self._scaler is not None:
            self._scaler.step(self._optimizer)
            self._scaler.update()
        else:
            self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad(set_to_none=True)
        return norm.float()


@contextlib.contextmanager
def fast_matrices(enabled: bool) -> Iterator[None]:
    """Inside, a GPU multiplies float32 matrices in TF32 where that is `enabled`; evaluations never do."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if enabled else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
