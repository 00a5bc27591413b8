"""`metrics.jsonl`: every optimizer step and every evaluation of a candidate, one record a line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import write_bytes_atomic
from xtts_finetune.records.json_lines import JsonLinesWriter, json_line, read_json_lines


@dataclass(frozen=True)
class StepRecord:
    """One optimizer step. Cross-entropies are means over the step's tokens, in nats; times in seconds."""

    step: int
    epoch: float
    learning_rate: float
    loss: float
    mel_ce: float
    text_ce_nats: float
    grad_norm: float
    clips: int
    seconds: float
    load_seconds: float

    def to_json(self) -> dict[str, Any]:
        """The record as a line of metrics.jsonl."""
        return {"kind": "step", **asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> StepRecord:
        """Read back what `to_json` wrote; keys that a later version added are passed over.

        Raises KeyError for a key that is missing, TypeError or ValueError for a value that is no number.
        """
        whole = {name: int(record[name]) for name in ("step", "clips")}
        names = (
            "epoch",
            "learning_rate",
            "loss",
            "mel_ce",
            "text_ce_nats",
            "grad_norm",
            "seconds",
            "load_seconds",
        )
        return cls(**whole, **{name: _number(record[name]) for name in names})  # type: ignore[arg-type]


@dataclass(frozen=True)
class EvalRecord:
    """One evaluation on the frozen eval set: means over all its tokens.

    mel_ce, stop_ce and text_ce_nats are in nats; text_ce is in Coqui's unit (0.01 x nats). train_mel_ce is
    the mean training mel_ce since the last evaluation, None where nothing was trained.
    """

    step: int
    mel_ce: float
    text_ce: float
    text_ce_nats: float
    stop_ce: float
    mel_tokens: int
    text_tokens: int
    seconds: float
    train_mel_ce: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as a line of metrics.jsonl."""
        return {"kind": "eval", **asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> EvalRecord:
        """Read back what `to_json` wrote; raises like StepRecord.from_json."""
        whole = {name: int(record[name]) for name in ("step", "mel_tokens", "text_tokens")}
        names = ("mel_ce", "text_ce", "text_ce_nats", "stop_ce", "seconds")
        train = record.get("train_mel_ce")
        numbers = {name: _number(record[name]) for name in names}
        return cls(**whole, **numbers, train_mel_ce=None if train is None else float(train))  # type: ignore[arg-type]


def _number(value: Any) -> float:
    """A number; null stands for NaN, which JSON lacks."""
    return math.nan if value is None else float(value)


@dataclass(frozen=True)
class Metrics:
    """A candidate's history in the order of its steps."""

    steps: tuple[StepRecord, ...] = ()
    evals: tuple[EvalRecord, ...] = ()

    @property
    def initial(self) -> EvalRecord | None:
        """The evaluation before the first step."""
        return self.evals[0] if self.evals else None

    @property
    def final(self) -> EvalRecord | None:
        """The last evaluation."""
        return self.evals[-1] if self.evals else None

    @property
    def best(self) -> EvalRecord | None:
        """The evaluation with the lowest mel_ce; the earliest of equals; one that is NaN never counts."""
        finite = [record for record in self.evals if math.isfinite(record.mel_ce)]
        return min(finite, key=lambda record: record.mel_ce, default=None)


def read_metrics(path: Path) -> Metrics:
    """Read a candidate's history; empty when there is no file yet.

    A torn last line does not count. Where a step is recorded twice (a run that was resumed before it), the
    later record counts. Raises UserError that names file and line for a record that cannot be understood.
    """
    steps: dict[int, StepRecord] = {}
    evals: dict[int, EvalRecord] = {}
    for line, record in read_json_lines(path):
        try:
            if record["kind"] == "step":
                step = StepRecord.from_json(record)
                steps[step.step] = step
            elif record["kind"] == "eval":
                evaluation = EvalRecord.from_json(record)
                evals[evaluation.step] = evaluation
            else:
                raise ValueError(f"expected the kind 'step' or 'eval' but got {record['kind']!r}")
        except (KeyError, TypeError, ValueError) as error:
            what = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
            raise UserError(f"{path}:{line}: no record of metrics: {what}") from None
    return Metrics(tuple(steps[s] for s in sorted(steps)), tuple(evals[s] for s in sorted(evals)))


def keep_metrics_until(path: Path, step: int) -> None:
    """Drop every record after `step`, where a run is about to go on from there (-1 drops all)."""
    if path.is_file():
        metrics = read_metrics(path)
        records: list[StepRecord | EvalRecord] = [*metrics.steps, *metrics.evals]
        # An evaluation stands after its step, as it was written: sorting keeps the order of equals.
        kept = sorted((record for record in records if record.step <= step), key=lambda record: record.step)
        write_bytes_atomic(path, b"".join(json_line(record.to_json()) for record in kept))


class MetricsWriter:
    """Appends records to a candidate's metrics; each is flushed before `write` returns."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLinesWriter(path)

    def write(self, record: StepRecord | EvalRecord) -> None:
        """Append one record."""
        self._lines.write(record.to_json())

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._lines.close()

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
