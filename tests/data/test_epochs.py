from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xtts_finetune.data.batching.epochs import Epochs, cached_clips, epochs_of_one

# Nothing is timed: the machine may be busy.
UNTIMED = settings(deadline=None)

WEIGHTS = st.sampled_from([0.1, 0.25, 0.5, 0.7, 1.0, 1.5, 2.0, 3.3])
DATA_SETS = st.lists(st.tuples(st.integers(0, 15), WEIGHTS), min_size=1, max_size=4).filter(
    lambda sets: any(clips for clips, _ in sets)
)
SEEDS = st.integers(-(2**63), 2**63)


def made(sets: list[tuple[int, float]], seed: int = 1) -> Epochs:
    numbers = [number for number, (clips, _) in enumerate(sets) for _ in range(clips)]
    return Epochs(np.array(numbers, dtype=np.int64), [weight for _, weight in sets], seed)


@UNTIMED
@given(sets=DATA_SETS, seed=SEEDS)
def test_every_clip_comes_as_often_as_its_data_set_weighs(sets: list[tuple[int, float]], seed: int):
    epochs = made(sets, seed)
    seen = np.zeros(len(epochs.datasets), dtype=np.int64)
    for epoch in range(20):
        clips = epochs.clips_of(epoch)
        assert len(clips) == epochs.start(epoch + 1) - epochs.start(epoch)
        for clip, times in Counter(clips.tolist()).items():
            weight = sets[epochs.datasets[clip]][1]
            assert int(weight) <= times <= int(weight) + 1
            seen[clip] += times
        for number, (_, weight) in enumerate(sets):
            times = seen[epochs.datasets == number]
            # No clip is ever more than one visit ahead of another of its data set.
            assert not len(times) or times.max() - times.min() <= 1
            assert all(abs(count - weight * (epoch + 1)) < 1 + 1e-9 for count in times)


def test_half_of_the_clips_and_then_the_other_half():
    epochs = made([(10, 0.5)])
    first, second, third = (set(epochs.clips_of(epoch).tolist()) for epoch in range(3))
    assert len(first) == len(second) == 5
    assert first | second == set(range(10)) and first == third


def test_a_weight_is_meant_as_it_is_written():
    # In binary, ten tenths of 0.3 are a little less than 3.
    assert made([(10, 0.3)]).start(10) == 30


@UNTIMED
@given(sets=DATA_SETS, seed=SEEDS, places=st.tuples(st.integers(0, 300), st.integers(1, 60)))
def test_walking_gives_the_epochs_one_after_another(sets: list[tuple[int, float]], seed: int, places: tuple[int, int]):
    epochs, (first, count) = made(sets, seed), places
    whole: list[int] = []
    epoch = 0
    while len(whole) < first + count:
        whole += epochs.clips_of(epoch).tolist()
        epoch += 1
    cached_clips.cache_clear()
    assert epochs.walk(first, first + count).tolist() == whole[first : first + count]
    at = epochs.epoch_at(first)
    assert epochs.start(at) <= first < epochs.start(at + 1)


def test_copies_of_a_clip_are_spread_over_the_epoch():
    order = made([(50, 2.0)]).clips_of(0).tolist()
    assert sorted(order[:50]) == list(range(50))


def test_orders_differ_between_epochs_and_seeds():
    orders = [tuple(epochs_of_one(50, seed).clips_of(epoch)) for seed in range(3) for epoch in range(3)]
    assert len(set(orders)) == 9


def test_the_order_is_the_same_on_every_machine_and_in_every_version():
    # A run that is resumed after an update must go on with the same clips.
    assert epochs_of_one(10, 1).clips_of(0).tolist() == ORDER
    assert made([(3, 0.5), (4, 1.5)]).clips_of(1).tolist() == WEIGHTED


ORDER = [9, 2, 4, 7, 5, 0, 8, 6, 3, 1]
WEIGHTED = [5, 3, 0, 6, 5, 3, 1, 4]


def test_every_place_is_reached_by_every_clip():
    epochs = epochs_of_one(4, 1)
    firsts = Counter(int(epochs.clips_of(epoch)[0]) for epoch in range(400))
    assert all(60 < firsts[clip] < 140 for clip in range(4))


@pytest.mark.parametrize(
    "datasets, weights, problem",
    [([], [1.0], "at least 1"), ([0], [0.0], "positive"), ([0, 1], [1.0], "a data set with a weight")],
)
def test_epochs_of_nothing_are_refused(datasets: list[int], weights: list[float], problem: str):
    with pytest.raises(ValueError, match=problem):
        Epochs(np.array(datasets, dtype=np.int64), weights, 1)
