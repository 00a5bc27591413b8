"""A history read afterwards gives the answer that it gave while it was lived, resumes included."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.histories import rule
from xtts_finetune.records.metrics import (
    EvalRecord,
    Metrics,
    MetricsWriter,
    QualityRecord,
    Record,
    StepRecord,
    keep_metrics_until,
    read_metrics,
)
from xtts_finetune.records.stopping import Stop
from xtts_finetune.spec.stop_rules import StopRule
from xtts_finetune.training.rules import first_stop, replayed

# Few values, so that they repeat, rise and fall often enough for every rule to fire.
COMMON = st.sampled_from([3.0, 3.1, 3.2, 3.3, 2.9, 2.8, 0.1])
RARE = st.sampled_from([math.nan, math.inf, 9.0])
VALUES = st.integers(0, 60).flatmap(lambda luck: RARE if luck == 60 else COMMON)
SMALL = st.integers(1, 5)

RULES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "text_ce_above": st.fixed_dictionaries({"of_start": st.sampled_from([0.9, 1.05, 1.2])}),
    "no_improvement": st.one_of(
        st.fixed_dictionaries({"steps": st.integers(1, 40), "min_change": st.sampled_from([0.0, 0.15])}),
        st.fixed_dictionaries({"evals": SMALL, "min_change_of_start": st.sampled_from([0.0, 0.05])}),
    ),
    "overfitting": st.fixed_dictionaries(
        {"evals": st.integers(2, 4), "smoothing": st.sampled_from([0.0, 0.5]), "min_rise": st.just(0.0)}
    ),
    "not_finite": st.fixed_dictionaries({"steps": st.integers(1, 2)}),
    "exploding": st.fixed_dictionaries(
        {"grad_norm": st.sampled_from([None, 1.05]), "loss": st.just(1.05), "window": SMALL, "steps": SMALL}
    ),
    "no_op": st.fixed_dictionaries({"steps": st.integers(1, 8)}),
    "quality_falling": st.fixed_dictionaries({"evals": st.integers(1, 3), "drop": st.sampled_from([0.1, 0.3])}),
    "time_limit": st.fixed_dictionaries({"hours": st.sampled_from([0.001, 0.005, 0.01])}),
    "target_reached": st.fixed_dictionaries({"below": st.sampled_from([2.85, 2.95])}),
}


def test_every_rule_is_tried() -> None:
    assert set(RULES) == {get_args(kind.model_fields["rule"].annotation)[0] for kind in get_args(get_args(StopRule)[0])}


@st.composite
def phases(draw: st.DrawFn) -> list[Record]:
    """The records of a phase in the order of its file: a step, its evaluation, its utterances."""
    count, every, speaks = draw(st.integers(0, 40)), draw(SMALL), draw(st.integers(1, 2))
    apart = draw(st.sampled_from([0.0, 0.3]))  # eval mel_ce rises and training mel_ce falls by so much a step
    records: list[Record] = []
    for step in range(count + 1):
        if step:
            records.append(_step(draw, step))
        if step % every == 0:
            records.append(_evaluation(draw, step, apart * step))
        if step % (every * speaks) == 0:
            passed = draw(st.integers(0, 4))
            records.append(QualityRecord(step, spoken=4, passed=passed, faults={"silence": 4 - passed}, seconds=2.0))
    return records


def _step(draw: st.DrawFn, step: int) -> StepRecord:
    loss, norm = draw(VALUES), draw(st.sampled_from([0.0, 1.0, 1.0, 1.2, 1.2, math.inf]))
    stepped, seconds = draw(st.sampled_from([True, True, False])), draw(st.sampled_from([0.3, 1.7]))
    return StepRecord(step, step / 7, 1e-6, loss, loss, 3.0, norm, 3, seconds, 0.01, stepped)


def _evaluation(draw: st.DrawFn, step: int, apart: float) -> EvalRecord:
    mel_ce, text_ce, train = draw(VALUES), draw(VALUES), draw(st.none() | VALUES)
    norm = draw(st.sampled_from([None, 812.5, 812.5, 812.6]))
    train = None if train is None else train - apart
    return EvalRecord(step, mel_ce + apart, text_ce, 100 * text_ce, 1.0, 10, 10, 1.1, train, norm)


def _lived(
    records: Sequence[Record], rules: Sequence[StopRule], file: Path, cut: tuple[int, int] | None
) -> tuple[int, Stop] | None:
    """Live a phase: write each record, then ask. `cut`: after so many records, go back to a step and on from there."""
    kept: tuple[list[StepRecord], list[EvalRecord], list[QualityRecord]] = ([], [], [])
    left = list(records)
    written = 0
    while left:
        record = left.pop(0)
        with MetricsWriter(file) as writer:
            writer.write(record)
        next(some for some, kind in zip(kept, get_args(Record), strict=True) if isinstance(record, kind)).append(record)
        if (stop := first_stop(Metrics(*kept), rules)) is not None:
            return record.step, stop
        written += 1
        if cut and written == cut[0]:
            to = min(cut[1], record.step)
            keep_metrics_until(file, to)
            metrics = read_metrics(file)
            kept = (list(metrics.steps), list(metrics.evals), list(metrics.quality))
            # What of the step's own records came before the cut stays; the rest is made again.
            again = [one for one in records if one.step > to or (one.step == to and one in left)]
            left = again
            assert first_stop(metrics, rules) is None  # it did not stop there before, so it does not now
    return None


def _agree(records: list[Record], rules: list[StopRule], cut: tuple[int, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        untouched, resumed, whole = (Path(folder) / name for name in ("untouched", "resumed", "whole"))
        live = _lived(records, rules, untouched, None)
        assert _lived(records, rules, resumed, cut) == live
        assert resumed.read_bytes() == untouched.read_bytes() if untouched.exists() else not resumed.exists()
        with MetricsWriter(whole) as writer:
            for record in records:
                writer.write(record)
        for file in (untouched, whole, whole):
            assert replayed(read_metrics(file), rules) == live


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=25, deadline=None)
@given(data=st.data(), records=phases(), cut=st.tuples(st.integers(1, 60), st.integers(0, 40)))
def test_lived_and_read_are_the_same(
    name: str, data: st.DataObject, records: list[Record], cut: tuple[int, int]
) -> None:
    _agree(records, [rule(name, **data.draw(RULES[name]))], cut)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), records=phases(), cut=st.tuples(st.integers(1, 60), st.integers(0, 40)))
def test_lived_and_read_are_the_same_under_several_rules(
    data: st.DataObject, records: list[Record], cut: tuple[int, int]
) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(RULES)), max_size=4))
    _agree(records, [rule(name, **data.draw(RULES[name])) for name in names], cut)
