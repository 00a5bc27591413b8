from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.data_samples import clip
from xtts_finetune.data.batching.index import ClipIndex, batch_plan, planned, planned_of_run
from xtts_finetune.errors import UserError
from xtts_finetune.records.clips import write_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.phase import PhaseSpec, planned_of_count
from xtts_finetune.spec.pipeline import DatasetSpec


def phase(**declared: Any) -> PhaseSpec:
    return PhaseSpec(learning_rate=1e-6, **{"epochs": 2, **declared})


def data_set(name: str, weight: float = 1.0) -> DatasetSpec:
    return DatasetSpec(name=name, path=Path(name), format="ljspeech", weight=weight)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """40 training clips of 'a' and 20 of 'b', 1 to 4 s long; every tenth of all is in the eval set."""
    run = RunFolder(tmp_path)
    clips = [
        clip(
            number,
            "a" if number % 3 else "b",
            seconds=1 + number % 4,
            split="train" if number % 10 else "eval",
        )
        for number in range(66)
    ]
    write_clips(run.clips, clips)
    return run


BOTH = (data_set("a"), data_set("b"))


@settings(deadline=None, max_examples=50)
@given(
    clips=st.integers(1, 400),
    epochs=st.floats(0.01, 50),
    batch_size=st.integers(1, 9),
    accumulate=st.integers(1, 4),
)
def test_steps_counted_without_the_clips_are_those_of_the_plan(
    clips: int, epochs: float, batch_size: int, accumulate: int
):
    import numpy as np

    from xtts_finetune.data.batching.batches import BatchPlan, Lengths
    from xtts_finetune.data.batching.epochs import epochs_of_one

    declared = phase(epochs=epochs, batch_size=batch_size, accumulate=accumulate)
    none = np.zeros(clips, dtype=np.int64)
    plan = BatchPlan(epochs_of_one(clips, 1), Lengths(none, none), batch_size, accumulate)
    assert planned_of_count(clips, declared) == planned(plan, declared)


def test_the_index_has_a_split_in_its_order(run: RunFolder):
    index = ClipIndex.read(run.clips, "train")
    first = index.record(0)
    assert len(index) == 59 and first.id == "c1"
    assert index.sound(0) == first.sha256 and len(index.text(0)) == 64
    assert [index.names[number] for number in index.datasets[:3]] == ["a", "a", "b"]
    assert index.lengths.text[0] == first.text_tokens
    assert len(ClipIndex.read(run.clips, "eval")) == 7


@pytest.mark.parametrize("samples", [22_050, 1024 * 40, 1024 * 40 + 1, 1024 * 40 - 5, 21_505, 255_000])
def test_codes_are_never_counted_too_few(tmp_path: Path, samples: int):
    write_clips(tmp_path / "c", [clip(1, seconds=round(samples / 22_050, 3))])
    assert ClipIndex.read(tmp_path / "c", "train").lengths.codes[0] - -(-samples // 1024) in (0, 1)


def test_weights_of_data_sets_count(run: RunFolder):
    once = planned_of_run(run, BOTH, phase(batch_size=1))
    assert (once.steps, once.epochs) == (118, 2.0)
    more = planned_of_run(run, (data_set("a", 3), data_set("b", 0.5)), phase(batch_size=1))
    assert more.steps == 2 * 3 * 40 + 19 and more.epochs == 2.0


def test_max_tokens_decides_how_many_steps_an_epoch_has(run: RunFolder):
    few, many = (planned_of_run(run, BOTH, phase(max_tokens=tokens)) for tokens in (200, 2000))
    assert few.epochs == many.epochs == 2.0
    assert 118 >= few.steps > 5 * many.steps


def test_a_reduced_phase_goes_on_with_the_clips_of_the_declared_one(run: RunFolder):
    clips = ClipIndex.read(run.clips, "train")
    declared = batch_plan(clips, BOTH, phase(batch_size=6, accumulate=2))
    reduced = batch_plan(clips, BOTH, phase(batch_size=2, accumulate=6), parts=3)
    for step in range(12):
        assert reduced.clips_of(step) == declared.clips_of(step)
        assert [len(batch) for batch in reduced.batches_of(step)] == [2] * 6


def test_steps_are_told_in_epochs(run: RunFolder):
    assert planned_of_run(run, BOTH, phase(epochs=None, steps=59, batch_size=2)).epochs == 2.0


def test_no_clip_to_train_on_is_an_error(tmp_path: Path):
    write_clips(tmp_path / "clips.jsonl", [clip(1, split="eval")])
    with pytest.raises(UserError, match="no clip to train on"):
        batch_plan(ClipIndex.read(tmp_path / "clips.jsonl", "train"), BOTH, phase())
