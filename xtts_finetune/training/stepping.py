"""One optimizer step: forward, backward, clip, update, without waiting for the device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from xtts_finetune.ranks.group import ALONE, Ranks
from xtts_finetune.spec.phase import PhaseSpec, Precision
from xtts_finetune.training.device import HALF
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.xtts.dropout import rows_after
from xtts_finetune.xtts.losses import GptBatch

# Between the seeds of a step's micro-batches, and of the parts of one: those of steps are neighbours.
_APART, _FARTHER = 2**31, 2**47


@dataclass(frozen=True)
class StepValues:
    """What a step came to, over the micro-batches of all ranks.

    loss                   the mean over the micro-batches of what they were trained on
    mel_ce, text_ce_nats   the mean over the micro-batches of each one's mean cross-entropy per token, in nats
    grad_norm              L2 norm of the gradients of all weights that train, before clipping
    """

    loss: float
    mel_ce: float
    text_ce_nats: float
    grad_norm: float


class Readback:
    """The values of a step on their way from the device: a copy that the next step need not wait for."""

    def __init__(self, values: Tensor) -> None:
        """`values`: float32 (4,) on the device of training, in the order of `StepValues`."""
        self._values = values.to("cpu", non_blocking=True)
        self._arrived: torch.cuda.Event | None = None
        if values.is_cuda:
            self._arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._arrived.record()

    def get(self) -> StepValues:
        """The values, waiting for the device if they are not there yet."""
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
        ranks: Ranks = ALONE,
    ) -> None:
        self._model: PhaseModel | DistributedDataParallel = model if ranks.count == 1 else wrapped(model)
        self._optimizer, self._schedule, self._scaler = optimizer, schedule, scaler
        self._clip = phase.gradient_clip or float("inf")
        self._precision = phase.precision
        self._ranks = ranks
        # Of the model alone: a learned balance of losses has gradients of another size, and is not clipped with it.
        self._trained = [weight for weight in model.xtts.parameters() if weight.requires_grad]

    def take(self, batches: Sequence[GptBatch], count: int, seed: int) -> Readback:
        """One step over the mean of the losses of its `count` micro-batches, of which `batches` are this rank's.

        All chance comes from `seed`. Gradients are exchanged once, while the last batch runs backward.
        """
        losses = []
        with fast_matrices(self._precision != "fp32"):
            for place, batch in enumerate(batches):
                last = place == len(batches) - 1
                with contextlib.nullcontext() if last else self._unexchanged():
                    losses.append(self._backward(batch, place, count, seed))
            norm = self._update()
        values = self._ranks.sum(torch.stack(losses).sum(0))
        return Readback(torch.cat([values, norm[None]]))

    def _backward(self, batch: GptBatch, place: int, count: int, seed: int) -> Tensor:
        """Add a batch's share of the gradients to those of the weights.

        Returns, on the device and without gradients, float32 (3,): loss, mel_ce and text_ce_nats of the batch, each
        divided by `count`, so that those of a step add up to its means.
        """
        device = self._trained[0].device
        with chance_of(batch, place, seed):
            with halved(device, self._precision):
                values = self._model(batch.to(device))
            # DistributedDataParallel takes the mean over ranks where a sum is wanted.
            loss = values["loss"] * (self._ranks.count / count)
            (self._scaler.scale(loss) if self._scaler else loss).backward()
        return torch.stack([values[name].detach() for name in ("loss", "mel_ce", "text_ce_nats")]) / count

    def _unexchanged(self) -> contextlib.AbstractContextManager[None]:
        """Inside, gradients stay on their rank."""
        if isinstance(self._model, DistributedDataParallel):
            return cast(contextlib.AbstractContextManager[None], self._model.no_sync())
        return contextlib.nullcontext()

    def _update(self) -> Tensor:
        """Clip the gradients and step; returns their L2 norm before clipping, a float32 scalar on the device."""
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


def halved(device: torch.device, precision: Precision) -> torch.autocast:
    """Inside, matrices are multiplied in 16 bit, if that is the precision.

    Nothing of what was cast is kept: each weight is used once, and under checkpointing nobody would read it again.
    """
    return torch.autocast(device.type, HALF.get(precision), precision in HALF, cache_enabled=False)


def wrapped(model: PhaseModel) -> DistributedDataParallel:
    """The model under torch's wrapper, which gives it rank 0's weights and exchanges gradients in buckets."""
    return DistributedDataParallel(model, broadcast_buffers=False, gradient_as_bucket_view=True)


@contextlib.contextmanager
def chance_of(batch: GptBatch, place: int, seed: int) -> Iterator[None]:
    """Inside, what is random for a micro-batch depends on its seed and number in the step alone.

    On a CPU that holds for each part of it as well; a GPU draws anew for each part.
    """
    part = batch.part_of
    number, before = (place, 0) if part is None else (part.number, part.rows_before)
    torch.manual_seed(seed + number * _APART)
    if before and torch.cuda.is_available():
        torch.cuda.manual_seed((seed + number * _APART + before * _FARTHER) % 2**63)
    with rows_after(before, batch.clips):
        yield


@contextlib.contextmanager
def fast_matrices(enabled: bool) -> Iterator[None]:
    """Inside, a GPU multiplies float32 matrices in TF32 if that is `enabled`; evaluations never do."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if enabled else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
