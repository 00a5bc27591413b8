"""A phase's evaluations and its history while it grows: in its file, on the dashboard, at hand for the rules."""

from __future__ import annotations

import itertools
import logging
import math
import operator
import time
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import (
    EvalRecord,
    LiveMetrics,
    MetricsWriter,
    QualityRecord,
    Record,
    StepRecord,
    read_metrics,
)
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
    return math.sqrt(sum(torch.stack(squares).tolist()))  # one wait for a GPU instead of hundreds


# What the dashboard shows of every step; more would cost milliseconds of each.
OF_A_STEP = ("learning_rate", "loss", "mel_ce", "text_ce_nats", "grad_norm", "seconds")

logger = logging.getLogger("trainer")  # what is logged here goes to trainer_0_log.txt, as stock's lines do


class Recorder:
    """Continues the records that are there; `dashboard` is Coqui's logger for TensorBoard.

    One that only follows keeps its history to itself: of several ranks, one writes. `since_continued` is the history
    from step `continued_at` on, where the phase was continued under other values; all of it where it never was.
    """

    def __init__(self, path: Path, dashboard: Any, follows: bool = False, continued_at: int = 0) -> None:
        found = read_metrics(path)
        self.history = LiveMetrics(list(found.steps), list(found.evals), list(found.quality))
        self.since_continued = (
            self.history
            if not continued_at
            else LiveMetrics(
                [record for record in found.steps if record.step > continued_at],
                [record for record in found.evals if record.step >= continued_at],
                [record for record in found.quality if record.step >= continued_at],
            )
        )
        self._file = None if follows else MetricsWriter(path)
        self._dashboard = dashboard

    def write(self, record: Record) -> None:
        """Add a record; it has left this process before the next step begins."""
        if self._file is not None:
            self._file.write(record)
        self.history.add(record)
        if self.since_continued is not self.history:
            self.since_continued.add(record)
        if self._file is None:
            return
        values = {key: value for key, value in record.to_json().items() if isinstance(value, int | float)}
        match record:
            case StepRecord():
                self._dashboard.train_step_stats(record.step, {name: values[name] for name in OF_A_STEP})
            case EvalRecord():
                self._dashboard.eval_stats(record.step, values)
                logger.info(" > EVALUATION step %d: mel_ce %.4f, text_ce %.4f, stop_ce %.4f",
                            record.step, record.mel_ce, record.text_ce, record.stop_ce)  # fmt: skip
            case QualityRecord():
                logger.info(" > SAMPLES step %d: %d of %d pass the checks", record.step, record.passed, record.spoken)

    def mean_train_mel_ce(self) -> float | None:
        """Mean training mel CE since the last evaluation: read from the records, so that a resume gives the same."""
        since = self.history.final.step if self.history.final else 0
        recent = itertools.takewhile(lambda record: record.step > since, reversed(self.history.steps))
        values = [record.mel_ce for record in recent]
        return math.fsum(values) / len(values) if values else None

    def sync(self) -> None:
        """Return once all records are on the disk: a checkpoint must not be newer than its history."""
        if self._file is not None:
            self._file.sync()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()
        self._dashboard.finish()
