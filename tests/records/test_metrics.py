"""Metrics come back as they were written, whatever happened to the writer."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import (
    EvalRecord,
    Metrics,
    MetricsWriter,
    StepRecord,
    keep_metrics_until,
    read_metrics,
)


def step_record(step: int, mel_ce: float = 3.0) -> StepRecord:
    return StepRecord(
        step=step,
        epoch=step / 100,
        learning_rate=1e-6,
        loss=mel_ce + 0.03,
        mel_ce=mel_ce,
        text_ce_nats=2.8,
        grad_norm=0.7,
        clips=3,
        seconds=0.5,
        load_seconds=0.01,
    )


def eval_record(step: int, mel_ce: float = 3.0, train_mel_ce: float | None = None) -> EvalRecord:
    return EvalRecord(
        step=step,
        mel_ce=mel_ce,
        text_ce=0.028,
        text_ce_nats=2.8,
        stop_ce=0.1,
        mel_tokens=9000,
        text_tokens=1200,
        seconds=4.5,
        train_mel_ce=train_mel_ce,
    )


def write(path: Path, *records: StepRecord | EvalRecord) -> None:
    with MetricsWriter(path) as writer:
        for record in records:
            writer.write(record)


def test_records_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    records = (eval_record(0), step_record(1), step_record(2), eval_record(2, 2.9, 3.1))
    write(path, *records)
    assert read_metrics(path) == Metrics(steps=records[1:3], evals=(records[0], records[3]))


def test_a_loss_that_is_no_number_is_kept_and_never_the_best(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, eval_record(0, math.nan), eval_record(100, 3.1), eval_record(200, math.nan))
    metrics = read_metrics(path)
    assert math.isnan(metrics.evals[0].mel_ce)
    assert metrics.best is not None
    assert metrics.best.step == 100


def test_the_best_is_the_earliest_of_equals() -> None:
    best = Metrics(evals=(eval_record(0, 3.5), eval_record(100, 3.0), eval_record(200, 3.0))).best
    assert best is not None
    assert best.step == 100


def test_without_evaluations_there_is_no_best() -> None:
    assert Metrics().best is Metrics().initial is Metrics().final is None


def test_of_a_step_done_twice_the_later_record_counts(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, step_record(1), step_record(2, 9.0), step_record(2, 2.5), step_record(3))
    assert [(record.step, record.mel_ce) for record in read_metrics(path).steps] == [
        (1, 3.0),
        (2, 2.5),
        (3, 3.0),
    ]


def test_what_came_after_the_step_that_a_run_goes_on_from_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, eval_record(0), *(step_record(step) for step in range(1, 5)), eval_record(4))
    keep_metrics_until(path, 2)
    metrics = read_metrics(path)
    assert [record.step for record in metrics.steps] == [1, 2]
    assert [record.step for record in metrics.evals] == [0]


@pytest.mark.parametrize(
    "line, said",
    [
        ('{"kind": "eval", "step": 3}', "'mel_tokens' is missing"),
        ('{"kind": "other", "step": 3}', "expected one of the kinds step, eval, quality but got 'other'"),
        ('{"step": 3}', "'kind' is missing"),
    ],
)
def test_a_record_that_cannot_be_understood_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, eval_record(0))
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=rf"metrics\.jsonl:2: .*{said}"):
        read_metrics(path)


def test_a_key_that_a_later_version_adds_is_passed_over() -> None:
    assert EvalRecord.from_json({**eval_record(5).to_json(), "added_later": 1}) == eval_record(5)
