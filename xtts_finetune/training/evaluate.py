"""Cross-entropies on the frozen eval set, exact whatever the batches are."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any

import torch

from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import EvalRecord
from xtts_finetune.xtts.losses import TEXT_CE_UNIT, CrossEntropies, GptBatch, gpt_cross_entropies


@torch.inference_mode()
def evaluate(
    gpt: Any, batches: Iterable[GptBatch], step: int, train_mel_ce: float | None = None
) -> EvalRecord:
    """Means over all tokens of the eval set, always in float32, so that no setting of a phase moves them.

    The model is left in the mode it was in. Raises UserError for an empty eval set.
    """
    started = time.perf_counter()
    device = next(gpt.parameters()).device
    was_training = gpt.training
    gpt.eval()
    total: CrossEntropies | None = None
    for batch in batches:
        sums = gpt_cross_entropies(gpt, batch.to(device))
        total = sums if total is None else total + sums
    gpt.train(was_training)
    if total is None:
        raise UserError("the eval set is empty; prepare the data again")
    text_nats = float(total.text)
    return EvalRecord(
        step=step,
        mel_ce=float(total.mel),
        text_ce=TEXT_CE_UNIT * text_nats,
        text_ce_nats=text_nats,
        stop_ce=float(total.stop),
        mel_tokens=int(total.mel_count),
        text_tokens=int(total.text_count),
        seconds=time.perf_counter() - started,
        train_mel_ce=train_mel_ce,
        weights_norm=weights_norm(gpt),
    )


def weights_norm(gpt: Any) -> float:
    """L2 norm of all trained weights, summed in float64: it stays the same to the bit only if no weight moved."""
    squares = [weight.detach().double().square().sum() for weight in gpt.parameters() if weight.requires_grad]
    return math.sqrt(sum(float(square) for square in squares))
