"""What a run's records are to a tracking server: named numbers at steps, and parameters. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xtts_finetune.records.metrics import EvalRecord, QualityRecord, StepRecord, record_of

# Names as the records have them; cross-entropies in nats but for text_ce, which is in Coqui's unit.
STEP_NAMES = (
    "loss",
    "mel_ce",
    "text_ce_nats",
    "learning_rate",
    "grad_norm",
    "clips",
    "seconds",
    "load_seconds",
)
EVAL_NAMES = ("mel_ce", "text_ce", "text_ce_nats", "stop_ce", "train_mel_ce")
BEST_NAMES = ("mel_ce", "text_ce", "stop_ce")


@dataclass(frozen=True)
class Point:
    """One number of one step; NaN stands for a loss that was none."""

    name: str
    value: float
    step: int


def points_of(line: Mapping[str, Any]) -> tuple[Point, ...]:
    """The points of a line of metrics.jsonl; none of a line that is no record."""
    try:
        record = record_of(line)
    except (KeyError, TypeError, ValueError):
        return ()
    match record:
        case StepRecord():
            return _named("train", record, STEP_NAMES)
        case EvalRecord():
            return _named("eval", record, EVAL_NAMES)
        case QualityRecord():
            return (Point("utterances/sound_share", record.share, record.step),)


def best_points(info: Mapping[str, Any]) -> tuple[Point, ...]:
    """The best evaluation of a closing record (model_info.json), under names of its own."""
    best = info.get("best")
    if not isinstance(best, Mapping) or not isinstance(best.get("step"), int):
        return ()
    values = ((name, best.get(name)) for name in BEST_NAMES)
    return tuple(
        Point(f"best/{name}", float(value), best["step"])
        for name, value in values
        if isinstance(value, int | float)
    )


def parameters_of(declared: Mapping[str, Any]) -> dict[str, str]:
    """A declaration as flat parameters: {'resume_from.phase': 'phase1', 'stop_when.0.rule': ...}."""
    return dict(_flat("", declared))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        inner = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list | tuple):
        inner = [(str(index), each) for index, each in enumerate(value)]
    else:
        if value is not None and value != "":
            yield prefix, str(value)
        return
    for key, each in inner:
        yield from _flat(f"{prefix}.{key}" if prefix else key, each)


def _named(group: str, record: StepRecord | EvalRecord, names: tuple[str, ...]) -> tuple[Point, ...]:
    values = ((name, getattr(record, name)) for name in names)
    return tuple(
        Point(f"{group}/{name}", float(value), record.step) for name, value in values if value is not None
    )
