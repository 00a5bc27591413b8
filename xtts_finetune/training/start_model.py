"""The model that a phase started from, asked for the mel tokens' distribution on each batch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from xtts_finetune.training.trainable import adapters_off
from xtts_finetune.xtts.losses import GptBatch, gpt_logits


class StartModel(Protocol):
    """Gives the starting model's logits for a batch."""

    def mel_logits(self, batch: GptBatch) -> Tensor:
        """(audio tokens, 1026), without gradients, nothing of it random."""


class FrozenCopy:
    """A copy of the GPT as it was, on the device of the batches."""

    def __init__(self, gpt: Any) -> None:
        self._gpt = gpt.eval().requires_grad_(False)

    @torch.no_grad()
    def mel_logits(self, batch: GptBatch) -> Tensor:
        """The copy's logits."""
        if next(self._gpt.parameters()).device != batch.text.device:
            self._gpt.to(batch.text.device)
        return gpt_logits(self._gpt, batch).mel


class WithoutAdapters:
    """The GPT that is trained, its adapters switched off: what they add to has not changed, so no copy is needed."""

    def __init__(self, gpt: Any) -> None:
        self._gpt = gpt

    @torch.no_grad()
    def mel_logits(self, batch: GptBatch) -> Tensor:
        """The logits without what the adapters add."""
        with adapters_off(self._gpt), _evaluating(self._gpt):
            return gpt_logits(self._gpt, batch).mel


@contextlib.contextmanager
def _evaluating(gpt: Any) -> Iterator[None]:
    """Inside, nothing is dropped; the mode is put back."""
    was_training = gpt.training
    gpt.eval()
    try:
        yield
    finally:
        gpt.train(was_training)
