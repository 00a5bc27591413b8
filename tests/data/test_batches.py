from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtts_finetune.data.batches import BatchPlan, epoch_order, step_generator

PLANS = st.builds(
    BatchPlan,
    clips=st.integers(1, 60),
    batch_size=st.integers(1, 9),
    seed=st.integers(-(2**63), 2**63),
    accumulate=st.integers(1, 4),
)


@given(plan=PLANS, epochs=st.integers(1, 4))
def test_every_clip_comes_once_an_epoch_across_the_borders_of_batches(plan: BatchPlan, epochs: int):
    steps = -(-epochs * plan.clips // plan.clips_a_step)
    walked = [clip for step in range(steps) for clip in plan.clips_of(step)]
    for epoch in range(epochs):
        assert sorted(walked[epoch * plan.clips : (epoch + 1) * plan.clips]) == list(range(plan.clips))


@given(plan=PLANS, steps=st.lists(st.integers(0, 500), min_size=1, max_size=10))
def test_a_step_is_the_same_whatever_was_asked_before(plan: BatchPlan, steps: list[int]):
    epoch_order.cache_clear()
    first = {step: plan.clips_of(step) for step in steps}
    epoch_order.cache_clear()
    again = {
        step: BatchPlan(plan.clips, plan.batch_size, plan.seed, plan.accumulate).clips_of(step)
        for step in steps
    }
    assert first == again
    for step in reversed(steps):
        assert plan.clips_of(step) == first[step]


@given(plan=PLANS, step=st.integers(0, 100))
def test_micro_batches_make_up_the_step(plan: BatchPlan, step: int):
    batches = plan.batches_of(step)
    assert [len(batch) for batch in batches] == [plan.batch_size] * plan.accumulate
    assert [clip for batch in batches for clip in batch] == plan.clips_of(step)


def test_orders_differ_between_epochs_and_seeds():
    orders = [tuple(epoch_order(50, seed, epoch)) for seed in range(3) for epoch in range(3)]
    assert len(set(orders)) == 9


def test_a_plan_walks_every_epoch_in_an_order_of_its_own():
    plan = BatchPlan(clips=20, batch_size=5, seed=1)
    epochs = [
        tuple(clip for step in range(4) for clip in plan.clips_of(4 * epoch + step)) for epoch in range(5)
    ]
    assert len(set(epochs)) == 5


def test_the_order_is_the_same_on_every_machine_and_in_every_version():
    # A run that is resumed after an update must go on with the same clips.
    assert epoch_order(10, 1, 0).tolist() == ORDER


ORDER = [9, 2, 4, 7, 5, 0, 8, 6, 3, 1]


def test_every_place_is_reached_by_every_clip():
    firsts = Counter(int(epoch_order(4, 1, epoch)[0]) for epoch in range(400))
    assert all(60 < firsts[clip] < 140 for clip in range(4))


def test_epochs_are_counted_in_clips():
    plan = BatchPlan(clips=10, batch_size=3, seed=1, accumulate=2)
    assert (plan.clips_a_step, plan.epoch_of(0), plan.epoch_of(5)) == (6, 0.0, 3.0)


def test_crops_depend_on_seed_step_and_batch_alone():
    draws = {
        (seed, step, batch): tuple(step_generator(seed, step, batch).integers(0, 2**60, 3))
        for seed in (0, 1)
        for step in (0, 1)
        for batch in (0, 1)
    }
    assert len(set(draws.values())) == 8
    assert tuple(step_generator(1, 1, 1).integers(0, 2**60, 3)) == draws[1, 1, 1]


@pytest.mark.parametrize("wrong", [{"clips": 0}, {"batch_size": 0}, {"accumulate": 0}])
def test_a_plan_of_nothing_is_refused(wrong: dict[str, int]):
    with pytest.raises(ValueError, match="at least 1"):
        BatchPlan(**{"clips": 5, "batch_size": 2, "seed": 1, **wrong})


def test_steps_count_from_zero():
    with pytest.raises(ValueError, match="from 0"):
        BatchPlan(5, 2, 1).clips_of(-1)


def test_an_order_cannot_be_changed_by_who_reads_it():
    with pytest.raises(ValueError):
        epoch_order(5, 1, 0)[0] = np.int64(3)
