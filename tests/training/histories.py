"""Made-up histories of phases, for the tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from xtts_finetune.records.metrics import EvalRecord, QualityRecord, StepRecord
from xtts_finetune.spec.stop_rules import StopRule

_RULES: TypeAdapter[StopRule] = TypeAdapter(StopRule)


def rule(name: str, **keys: Any) -> StopRule:
    """A rule as it is declared: its name and its keys."""
    return _RULES.validate_python({"rule": name, **keys})


def history(
    mel_ce: Sequence[float],
    text_ce: Sequence[float] | None = None,
    train: Sequence[float | None] | None = None,
    every: int = 100,
    norms: Sequence[float | None] | None = None,
    seconds: float = 1.0,
) -> list[EvalRecord]:
    """Evaluations every so many steps from step 0 on."""
    return [
        EvalRecord(
            step=every * i,
            mel_ce=mel_ce[i],
            text_ce=text_ce[i] if text_ce else 0.03,
            text_ce_nats=3.0,
            stop_ce=1.0,
            mel_tokens=10,
            text_tokens=10,
            seconds=seconds,
            train_mel_ce=train[i] if train else None,
            weights_norm=norms[i] if norms else None,
        )
        for i in range(len(mel_ce))
    ]


def falling(count: int, start: float = 4.0, by: float = 0.1) -> list[float | None]:
    """Training mel_ce that falls from evaluation to evaluation; the first has none."""
    return [None, *(start - by * i for i in range(1, count))]


def steps(
    losses: Sequence[float],
    grad_norms: Sequence[float] | None = None,
    stepped: Sequence[bool] | None = None,
    seconds: float = 1.0,
) -> list[StepRecord]:
    """Steps from 1 on."""
    return [
        StepRecord(
            step=i,
            epoch=i / 100,
            learning_rate=1e-6,
            loss=loss,
            mel_ce=loss,
            text_ce_nats=3.0,
            grad_norm=grad_norms[i - 1] if grad_norms else 1.0,
            clips=3,
            seconds=seconds,
            load_seconds=0.0,
            stepped=stepped[i - 1] if stepped else True,
        )
        for i, loss in enumerate(losses, start=1)
    ]


def checks(passed: Sequence[int], spoken: int = 10, faults: Mapping[str, int] | None = None) -> list[QualityRecord]:
    """Checks of spoken utterances every 100 steps from step 100 on."""
    return [
        QualityRecord(step=100 * i, spoken=spoken, passed=sound, faults=faults or {}, seconds=1.0)
        for i, sound in enumerate(passed, start=1)
    ]
