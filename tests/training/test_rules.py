"""Stop rules from tables: a history, and the step at which the phase must stop."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtts_finetune.records.metrics import EvalRecord, Metrics
from xtts_finetune.records.stopping import Reason
from xtts_finetune.spec.stop_rules import NoImprovement, Overfitting, StopRule, TextCeAbove
from xtts_finetune.training.rules import first_stop


def history(
    mel_ce: Sequence[float], text_ce: Sequence[float] | None = None, train: Sequence[float] | None = None
) -> list[EvalRecord]:
    """Evaluations every 100 steps from step 0 on."""
    return [
        EvalRecord(
            step=100 * i,
            mel_ce=mel_ce[i],
            text_ce=text_ce[i] if text_ce else 0.03,
            text_ce_nats=3.0,
            stop_ce=1.0,
            mel_tokens=10,
            text_tokens=10,
            seconds=1.0,
            train_mel_ce=train[i] if train else None,
        )
        for i in range(len(mel_ce))
    ]


def stops_at(records: Sequence[EvalRecord], rule: StopRule) -> int | None:
    """The first step at which a run that asks after each evaluation stops."""
    for count in range(1, len(records) + 1):
        if first_stop(Metrics(evals=records[:count]), [rule]) is not None:
            return records[count - 1].step
    return None


@pytest.mark.parametrize(
    ("mel_ce", "expected"),
    [
        ([3.6, 3.5, 3.4, 3.3], None),  # still falling
        ([3.5, 3.5, 3.5, 3.5, 3.5, 3.5], 500),  # flat from the start
        ([3.6, 3.507, 3.51, 3.52, 3.51, 3.53, 3.51], 600),
        ([3.6, 3.507, 3.51, 3.52, 3.51, 3.53, 3.4], None),  # better at the last moment
        ([6.73, 6.72, 6.71, 6.72, 6.71, 6.73, 6.72, 6.73], 700),  # a plateau with noise
        ([2.7], None),
    ],
)
def test_no_improvement(mel_ce: list[float], expected: int | None) -> None:
    assert stops_at(history(mel_ce), NoImprovement(rule="no_improvement", steps=500)) == expected


def test_no_improvement_counts_only_a_fall_of_min_change() -> None:
    falling_slowly = history([3.5 - 0.001 * i for i in range(8)])
    assert stops_at(falling_slowly, NoImprovement(rule="no_improvement", steps=500)) is None
    assert stops_at(falling_slowly, NoImprovement(rule="no_improvement", steps=500, min_change=0.01)) == 500


def test_no_improvement_watches_the_metric_that_is_declared() -> None:
    records = history([3.6, 3.5, 3.4, 3.3, 3.2, 3.1], text_ce=[0.03] * 6)
    assert stops_at(records, NoImprovement(rule="no_improvement", metric="text_ce", steps=300)) == 300


@pytest.mark.parametrize(
    ("text_ce", "rule", "expected"),
    [
        ([0.028, 0.03, 0.039, 0.041], {"limit": 0.04}, 300),
        ([0.028, 0.03, 0.04, 0.04], {"limit": 0.04}, None),  # at the limit is not above it
        ([0.0403, 0.0403, 0.041], {"of_start": 1.4}, None),  # a Hungarian base before any training
        ([0.0403, 0.05, 0.057], {"of_start": 1.4}, 200),
        ([0.0403, 0.041, 0.042], {"limit": 0.04, "of_start": 1.4}, None),  # the larger limit counts
        ([0.028, 0.0395, 0.041], {"limit": 0.04, "of_start": 1.4}, 200),
    ],
)
def test_text_ce_above(text_ce: list[float], rule: dict[str, float], expected: int | None) -> None:
    records = history([3.0] * len(text_ce), text_ce)
    assert stops_at(records, TextCeAbove(rule="text_ce_above", **rule)) == expected


@pytest.mark.parametrize(
    ("mel_ce", "train", "expected"),
    [
        ([3.0, 3.1, 3.2, 3.3], [3.0, 2.9, 2.8, 2.7], 300),  # apart three times in a row
        ([3.0, 3.1, 3.05, 3.2, 3.3], [3.0, 2.9, 2.8, 2.7, 2.6], None),  # better in between
        ([3.0, 3.1, 3.2, 3.3], [3.0, 3.1, 3.2, 3.3], None),  # both rise: not overfitting
        ([3.0, 2.9, 2.8, 2.7], [3.0, 2.9, 2.8, 2.7], None),
    ],
)
def test_overfitting(mel_ce: list[float], train: list[float], expected: int | None) -> None:
    assert stops_at(history(mel_ce, train=train), Overfitting(rule="overfitting", evals=3)) == expected


def test_overfitting_needs_training_losses() -> None:
    assert stops_at(history([3.0, 3.1, 3.2, 3.3]), Overfitting(rule="overfitting", evals=3)) is None


def test_the_first_declared_rule_that_fires_is_the_reason() -> None:
    records = history([3.5] * 6, text_ce=[0.03, 0.03, 0.03, 0.03, 0.03, 0.05])
    rules = [TextCeAbove(rule="text_ce_above", limit=0.04), NoImprovement(rule="no_improvement", steps=500)]
    stops = [first_stop(Metrics(evals=records), ordered) for ordered in (rules, rules[::-1])]
    assert [stop.reason for stop in stops if stop] == [Reason.TEXT_CE_ABOVE, Reason.NO_IMPROVEMENT]
    assert first_stop(Metrics(), rules) is None
    assert first_stop(Metrics(evals=records), []) is None


@given(st.lists(st.floats(0.5, 9.0), min_size=1, max_size=30), st.integers(1, 2000))
def test_patience_is_the_same_read_live_or_afterwards(mel_ce: list[float], steps: int) -> None:
    rule, records = NoImprovement(rule="no_improvement", steps=steps), history(mel_ce)
    live = stops_at(records, rule)
    lived = [record for record in records if live is None or record.step <= live]
    assert (first_stop(Metrics(evals=lived), [rule]) is not None) == (live is not None)
