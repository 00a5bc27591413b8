"""A phase's history while it grows: each record is in its file, on the dashboard, and at hand for the rules."""

from __future__ import annotations

import itertools
import logging
import math
from pathlib import Path
from typing import Any

from xtts_finetune.records.metrics import (
    EvalRecord,
    LiveMetrics,
    MetricsWriter,
    QualityRecord,
    Record,
    StepRecord,
    read_metrics,
)

# What the dashboard shows of every step; more would cost milliseconds of each.
OF_A_STEP = ("learning_rate", "loss", "mel_ce", "text_ce_nats", "grad_norm", "seconds")

logger = logging.getLogger("trainer")  # what is logged here goes to trainer_0_log.txt, as stock's lines do


class Recorder:
    """Goes on with the records that are there; `dashboard` is Coqui's logger for TensorBoard.

    One that only follows keeps its history for itself: of several ranks, one writes. `since_continued` is the history
    from the step on at which the phase goes on under other values; it is all of it where it never did.
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
                logger.info(
                    " > UTTERANCES step %d: %d of %d sound", record.step, record.passed, record.spoken
                )

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
        self._dashboard.flush()
