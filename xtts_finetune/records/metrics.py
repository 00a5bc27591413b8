"""`metrics.jsonl`: every optimizer step and every evaluation of a candidate, one record a line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import write_bytes_atomic
from xtts_finetune.records.json_lines import JsonLinesWriter, json_line, read_json_lines


@dataclass(frozen=True)
class StepRecord:
    """One optimizer step. Cross-entropies are means over the step's tokens, in nats; times in seconds.

    `stepped` is False when the optimizer was not stepped: fp16 skips a step whose gradients overflowed.
    """

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
    stepped: bool = True

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
        numbers = {name: _number(record[name]) for name in names}
        return cls(**whole, **numbers, stepped=bool(record.get("stepped", True)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class EvalRecord:
    """One evaluation on the frozen eval set: means over all its tokens.

    mel_ce, stop_ce and text_ce_nats are in nats; text_ce is in Coqui's unit (0.01 x nats). train_mel_ce is
    the mean training mel_ce since the last evaluation, None where nothing was trained. weights_norm is the L2
    norm of the weights that are trained, summed in float64: equal ones say that no weight has moved.
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
    weights_norm: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as a line of metrics.jsonl."""
        return {"kind": "eval", **asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> EvalRecord:
        """Read back what `to_json` wrote; raises like StepRecord.from_json."""
        whole = {name: int(record[name]) for name in ("step", "mel_tokens", "text_tokens")}
        names = ("mel_ce", "text_ce", "text_ce_nats", "stop_ce", "seconds")
        numbers = {name: _number(record[name]) for name in names}
        optional = {name: _optional(record.get(name)) for name in ("train_mel_ce", "weights_norm")}
        return cls(**whole, **numbers, **optional)  # type: ignore[arg-type]


@dataclass(frozen=True)
class QualityRecord:
    """What the utterances spoken in the middle of a phase were found to be: `passed` of `spoken` are sound.

    `faults` counts the utterances with each fault, by its name; one utterance may have several.
    """

    step: int
    spoken: int
    passed: int
    faults: Mapping[str, int]
    seconds: float

    @property
    def share(self) -> float:
        """The share of the utterances that are sound, from 0 to 1."""
        return self.passed / self.spoken if self.spoken else 0.0

    def to_json(self) -> dict[str, Any]:
        """The record as a line of metrics.jsonl."""
        return {"kind": "quality", **asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> QualityRecord:
        """Read back what `to_json` wrote; raises like StepRecord.from_json."""
        whole = {name: int(record[name]) for name in ("step", "spoken", "passed")}
        faults = {str(name): int(count) for name, count in dict(record["faults"]).items()}
        return cls(**whole, faults=faults, seconds=_number(record["seconds"]))


Record = StepRecord | EvalRecord | QualityRecord


def _number(value: Any) -> float:
    """A number; null stands for NaN, which JSON lacks."""
    return math.nan if value is None else float(value)


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)


@dataclass(frozen=True)
class Metrics:
    """A candidate's history, each kind of record in the order of its steps."""

    steps: Sequence[StepRecord] = ()
    evals: Sequence[EvalRecord] = ()
    quality: Sequence[QualityRecord] = ()

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


@dataclass(frozen=True)
class LiveMetrics(Metrics):
    """A history that grows with every record while a run goes on."""

    steps: list[StepRecord] = field(default_factory=list)
    evals: list[EvalRecord] = field(default_factory=list)
    quality: list[QualityRecord] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Append a record that is newer than those of its kind."""
        match record:
            case StepRecord():
                self.steps.append(record)
            case EvalRecord():
                self.evals.append(record)
            case QualityRecord():
                self.quality.append(record)


def read_metrics(path: Path) -> Metrics:
    """Read a candidate's history; empty when there is no file yet.

    A torn last line does not count. Where a step is recorded twice (a run that was resumed before it), the
    later record counts. Raises UserError that names file and line for a record that cannot be understood.
    """
    found: dict[type[Record], dict[int, Any]] = {StepRecord: {}, EvalRecord: {}, QualityRecord: {}}
    for line, content in read_json_lines(path):
        try:
            record = record_of(content)
            found[type(record)][record.step] = record
        except (KeyError, TypeError, ValueError) as error:
            what = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
            raise UserError(f"{path}:{line}: no record of metrics: {what}") from None
    steps, evals, quality = (tuple(by_step[step] for step in sorted(by_step)) for by_step in found.values())
    return Metrics(steps, evals, quality)


def record_of(content: Mapping[str, Any]) -> Record:
    """The record that a line of metrics.jsonl holds. Raises KeyError, TypeError or ValueError for none."""
    kinds: dict[str, type[Record]] = {"step": StepRecord, "eval": EvalRecord, "quality": QualityRecord}
    kind = kinds.get(content["kind"])
    if kind is None:
        raise ValueError(f"expected one of the kinds {', '.join(kinds)} but got {content['kind']!r}")
    return kind.from_json(content)


def keep_metrics_until(path: Path, step: int) -> None:
    """Drop every record after `step`, where a run is about to go on from there (-1 drops all)."""
    if path.is_file():
        metrics = read_metrics(path)
        records: list[Record] = [*metrics.steps, *metrics.evals, *metrics.quality]
        # Step, evaluation, quality of one step, as they were written: sorting keeps the order of equals.
        kept = sorted((record for record in records if record.step <= step), key=lambda record: record.step)
        write_bytes_atomic(path, b"".join(json_line(record.to_json()) for record in kept))


class MetricsWriter:
    """Appends records to a candidate's metrics; each is flushed before `write` returns."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLinesWriter(path)

    def write(self, record: Record) -> None:
        """Append one record."""
        self._lines.write(record.to_json())

    def sync(self) -> None:
        """Return once all records are on the disk: a checkpoint must not be newer than its history."""
        self._lines.sync()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._lines.close()

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
