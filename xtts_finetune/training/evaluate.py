"""Cross-entropies on the frozen eval set, exact whatever the batches are."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import zip_longest
from typing import Any

import torch

from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import EvalRecord
from xtts_finetune.xtts.losses import TEXT_CE_UNIT, CrossEntropies, GptBatch, gpt_cross_entropies


def evaluate(gpt: Any, batches: Iterable[GptBatch], step: int) -> EvalRecord:
    """Means over all tokens of the eval set, always in float32, so that no setting of a phase moves them.

    The model is left in the mode it was in. Raises UserError for an empty eval set.
    """
    started = time.perf_counter()
    return eval_record(gpt, [sums_of_batches(gpt, batches)], step, started)


@torch.inference_mode()
def sums_of_batches(gpt: Any, batches: Iterable[GptBatch]) -> list[CrossEntropies]:
    """The sums of each batch, on the CPU; the model is left in the mode it was in."""
    device = next(gpt.parameters()).device
    was_training = gpt.training
    gpt.eval()
    try:
        sums = [gpt_cross_entropies(gpt, batch.to(device)) for batch in batches]
    finally:
        gpt.train(was_training)
    return [each.cpu() for each in sums]


def eval_record(
    gpt: Any,
    of_ranks: Sequence[Sequence[CrossEntropies]],
    step: int,
    started: float,
    train_mel_ce: float | None = None,
) -> EvalRecord:
    """The record of an evaluation whose batches went round the ranks, begun at `started` (perf_counter).

    The sums are added in the order of the batches: several ranks find what one finds, to the bit. Raises UserError
    for an empty eval set.
    """
    in_turn = zip_longest(*of_ranks)
    sums = [each for batches in in_turn for each in batches if each is not None]
    if not sums:
        raise UserError("the eval set is empty; prepare the data again")
    total = reduce(operator.add, sums)
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
