from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xtts_finetune.data.batching.batches import WINDOW, BatchPlan, Lengths, bucketed, step_generator, token_batches
from xtts_finetune.data.batching.epochs import Epochs, cached_clips, epochs_of_one


def lengths(clips: int, seed: int = 0) -> Lengths:
    """Mostly short clips, a few long ones."""
    codes = np.random.default_rng(seed).lognormal(4, 0.7, clips).astype(np.int64) + 10
    return Lengths(codes // 3 + 2, codes)


def plan_of(clips: int, batch_size: int, seed: int = 1, weights: tuple[float, ...] = (1.0,), **more: Any) -> BatchPlan:
    datasets = np.arange(clips, dtype=np.int64) % len(weights)
    return BatchPlan(Epochs(datasets, weights, seed), lengths(clips), batch_size, **more)


# Nothing is timed: the machine may be busy.
UNTIMED = settings(deadline=None)

SIZES: dict[str, Any] = {
    "clips": st.integers(3, 60),
    "batch_size": st.integers(1, 9),
    "seed": st.integers(-(2**63), 2**63),
    "accumulate": st.integers(1, 4),
    "buckets": st.booleans(),
}
PLANS = st.builds(plan_of, **SIZES, max_tokens=st.none() | st.integers(64, 2000))
WEIGHTS = st.sampled_from([(1.0,), (0.5, 2.0), (1.3, 0.2, 1.0)])
WEIGHTED = st.builds(plan_of, **SIZES, weights=WEIGHTS, max_tokens=st.none() | st.integers(64, 2000))


def forget() -> None:
    for cache in (cached_clips, bucketed, token_batches):
        cache.cache_clear()


def walked(plan: BatchPlan, clips: int) -> list[int]:
    """The first clips that the plan's steps train on."""
    found: list[int] = []
    step = 0
    while len(found) < clips:
        found += plan.clips_of(step)
        step += 1
    return found


@UNTIMED
@given(plan=WEIGHTED, count=st.integers(1, 4))
def test_every_epoch_has_its_clips_whatever_the_batches_are(plan: BatchPlan, count: int):
    epochs = plan.epochs
    clips = walked(plan, epochs.start(count))
    for epoch in range(count):
        part = clips[epochs.start(epoch) : epochs.start(epoch + 1)]
        assert sorted(part) == sorted(epochs.clips_of(epoch).tolist())


@UNTIMED
@given(plan=PLANS, count=st.integers(1, 4))
def test_every_clip_comes_once_an_epoch_where_nothing_is_weighted(plan: BatchPlan, count: int):
    clips = len(plan.lengths)
    found = walked(plan, count * clips)
    for epoch in range(count):
        assert sorted(found[epoch * clips : (epoch + 1) * clips]) == list(range(clips))


@UNTIMED
@given(plan=WEIGHTED, steps=st.lists(st.integers(0, 300), min_size=1, max_size=6))
def test_a_step_is_the_same_whatever_was_asked_before(plan: BatchPlan, steps: list[int]):
    first = {step: plan.batches_of(step) for step in steps}
    forget()
    for step in reversed(steps):
        anew = BatchPlan(plan.epochs, plan.lengths, plan.batch_size, plan.accumulate, plan.buckets, plan.max_tokens)
        assert anew.batches_of(step) == first[step]
        assert anew.epoch_of(step) == plan.epoch_of(step)


@UNTIMED
@given(plan=WEIGHTED, step=st.integers(0, 100))
def test_micro_batches_make_up_the_step(plan: BatchPlan, step: int):
    batches = plan.batches_of(step)
    assert len(batches) == plan.accumulate
    if plan.max_tokens is None:
        assert {len(batch) for batch in batches} == {plan.batch_size}
    assert [clip for batch in batches for clip in batch] == plan.clips_of(step)


@UNTIMED
@given(plan=WEIGHTED, step=st.integers(0, 100), bound=st.integers(64, 2000))
def test_no_batch_is_larger_than_max_tokens_unless_it_is_one_clip(plan: BatchPlan, step: int, bound: int):
    plan = BatchPlan(plan.epochs, plan.lengths, 1, plan.accumulate, plan.buckets, bound)
    for batch in plan.batches_of(step):
        assert len(batch) == 1 or plan.lengths.padded(np.array(batch)) <= bound


@UNTIMED
@given(plan=WEIGHTED, epochs=st.floats(0.1, 5))
def test_the_steps_of_an_epoch_are_those_that_it_takes(plan: BatchPlan, epochs: float):
    whole = int(epochs) or 1
    steps = plan.steps_of(whole)
    # The last step is the one that the epoch ends in.
    assert plan.epoch_of(steps) >= whole - 1e-9
    assert steps == 1 or plan.epoch_of(steps - 1) < whole
    assert 1 <= plan.steps_of(epochs) <= plan.steps_of(int(epochs) + 1)


@UNTIMED
@given(plan=WEIGHTED)
def test_epochs_rise_from_step_to_step(plan: BatchPlan):
    epochs = [plan.epoch_of(step) for step in range(8)]
    assert epochs[0] == 0 and epochs == sorted(set(epochs))
    for step, epoch in enumerate(epochs):
        places = len([clip for earlier in range(step) for clip in plan.clips_of(earlier)])
        assert plan.epochs.epoch_at(places) == int(epoch)


def padding(plan: BatchPlan, steps: int) -> float:
    """Share of the positions of all batches that is padding."""
    batches = [np.array(batch) for step in range(steps) for batch in plan.batches_of(step)]
    real = sum(int(plan.lengths.tokens[batch].sum()) for batch in batches)
    return 1 - real / sum(plan.lengths.padded(batch) for batch in batches)


@pytest.mark.parametrize("kind", [{"batch_size": 8}, {"batch_size": 1, "max_tokens": 2000}])
def test_buckets_shrink_padding_to_less_than_a_third(kind: dict[str, Any]):
    with_buckets, without = (padding(plan_of(1000, buckets=on, **kind), 100) for on in (True, False))
    assert with_buckets < without / 3


def test_batches_of_like_lengths_come_in_random_order():
    plan = plan_of(1000, 5)
    longest = [max(plan.lengths.codes[clips]) for clips in map(plan.clips_of, range(WINDOW))]
    rises = sum(after > before for before, after in pairwise(longest))
    assert 8 < rises < 24


def test_batches_are_put_together_anew_in_every_epoch():
    plan = plan_of(1000, 5)
    first, second = ({tuple(sorted(plan.clips_of(200 * epoch + step))) for step in range(200)} for epoch in range(2))
    assert len(first & second) < 20


@UNTIMED
@given(
    clips=st.integers(3, 60),
    size=st.sampled_from([(6, 1), (4, 3), (9, 2)]),
    buckets=st.booleans(),
    step=st.integers(0, 50),
)
def test_smaller_batches_after_memory_ran_out_hold_the_same_clips(
    clips: int, size: tuple[int, int], buckets: bool, step: int
):
    whole = plan_of(clips, size[0], accumulate=size[1], buckets=buckets)
    for parts in (part for part in range(2, size[0] + 1) if size[0] % part == 0):
        smaller = plan_of(clips, size[0], accumulate=size[1], buckets=buckets, parts=parts)
        assert smaller.clips_of(step) == whole.clips_of(step)
        assert {len(batch) for batch in smaller.batches_of(step)} == {size[0] // parts}
        assert smaller.epoch_of(step) == whole.epoch_of(step)


def test_the_batches_are_the_same_on_every_machine_and_in_every_version():
    # A run that is resumed after an update must go on with the same clips.
    plan = BatchPlan(epochs_of_one(10, 1), Lengths(np.arange(10), np.arange(10) % 4 + 5), 2, 2)
    assert [plan.batches_of(step) for step in range(3)] == BATCHES
    by_tokens = BatchPlan(plan.epochs, plan.lengths, 1, max_tokens=150)
    assert [by_tokens.batches_of(step) for step in range(3)] == BY_TOKENS


BATCHES = [[[9, 2], [0, 4]], [[6, 7], [8, 5]], [[3, 1], [5, 6]]]
BY_TOKENS = [[[9, 2]], [[0, 4, 8]], [[6, 3]]]


def test_epochs_are_counted_in_clips():
    plan = plan_of(10, 3, accumulate=2)
    assert (plan.epoch_of(0), plan.epoch_of(5)) == (0.0, 3.0)
    assert (plan.steps_of(3), plan.steps_of(0.01)) == (5, 1)


def test_a_plan_is_asked_by_two_threads_at_once():
    from concurrent.futures import ThreadPoolExecutor

    plan, alone = (plan_of(40, 1, max_tokens=300) for _ in range(2))
    expected = [(alone.batches_of(step), alone.epoch_of(step)) for step in range(300)]
    with ThreadPoolExecutor(4) as pool:
        steps = [*range(299, -1, -1)]
        found = list(pool.map(lambda step: (plan.batches_of(step), plan.epoch_of(step)), steps))
    assert found[::-1] == expected


def test_crops_depend_on_seed_step_and_batch_alone():
    draws = {
        (seed, step, batch): tuple(step_generator(seed, step, batch).integers(0, 2**60, 3))
        for seed in (0, 1)
        for step in (0, 1)
        for batch in (0, 1)
    }
    assert len(set(draws.values())) == 8
    assert tuple(step_generator(1, 1, 1).integers(0, 2**60, 3)) == draws[1, 1, 1]


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"accumulate": 0}, {"parts": 0}, {"parts": 2}])
def test_a_plan_of_nothing_is_refused(wrong: dict[str, int]):
    with pytest.raises(ValueError, match=r"at least 1|equal parts"):
        plan_of(**{"clips": 5, "batch_size": 3, **wrong})


def test_steps_count_from_zero():
    with pytest.raises(ValueError, match="from 0"):
        plan_of(5, 2).clips_of(-1)


def test_no_clip_is_starved_by_a_bound_that_it_does_not_fit_into():
    plan = plan_of(50, 1, max_tokens=64)
    assert Counter(walked(plan, 50)) == Counter(range(50))
