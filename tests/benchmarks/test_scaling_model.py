"""The model on paper of several devices, against answers that are known."""

from __future__ import annotations

import pytest

from benchmarks.scaling_model import (
    BUCKET,
    BYTES,
    LINKS,
    Link,
    exchange_seconds,
    exchanged_bytes,
    exposed_seconds,
    predict,
    table,
)

SLOW = Link("slow", 1e9, 0.0)


@pytest.mark.parametrize("ranks, times", [(1, 0.0), (2, 1.0), (4, 1.5), (64, 1.96875)])
def test_a_ring_sends_nearly_twice_the_gradients(ranks: int, times: float) -> None:
    assert exchanged_bytes(1e6, ranks) == pytest.approx(times * 4e6)


def test_latency_counts_for_every_bucket_and_hop_of_a_tree() -> None:
    parameters = 10 * BUCKET / BYTES
    slow = exchange_seconds(parameters, 4, SLOW)
    assert exchange_seconds(parameters, 4, Link("late", 1e9, 0.001)) == pytest.approx(slow + 10 * 4 * 0.001)


@pytest.mark.parametrize(
    "exchange, backward, exposed",
    [
        (1.0, 10.0, 0.1),  # hidden but for the last of ten buckets
        (1.0, 0.0, 1.0),  # nothing to hide behind
        (10.0, 5.0, 5.5),  # the link is the slower one: it begins when the first bucket is ready
    ],
)
def test_the_backward_pass_hides_the_exchange(exchange: float, backward: float, exposed: float) -> None:
    assert exposed_seconds(exchange, backward, 10 * BUCKET / BYTES) == pytest.approx(exposed)


def test_one_bucket_is_never_hidden() -> None:
    assert exposed_seconds(0.5, 10.0, BUCKET / BYTES / 4) == 0.5


def test_one_device_exchanges_nothing() -> None:
    alone = predict(441e6, 1, 8, 0.5, SLOW)
    assert (alone.exposed, alone.efficiency, alone.clips_a_second) == (0.0, 1.0, 16.0)


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_more_devices_and_larger_batches_are_faster_on_every_link(link: Link) -> None:
    few, many = (predict(441e6, ranks, 8, 0.1, link) for ranks in (8, 64))
    assert many.clips_a_second > few.clips_a_second
    assert few.efficiency >= many.efficiency
    assert predict(441e6, 8, 32, 0.4, link).efficiency >= few.efficiency


def test_accumulation_exchanges_once_behind_the_last_backward_pass() -> None:
    once, eight = predict(441e6, 8, 32, 0.5, SLOW), predict(441e6, 8, 256, 4.0, SLOW, accumulate=8)
    assert eight.exposed == once.exposed
    assert eight.efficiency > once.efficiency


def test_the_table_has_a_row_for_every_number_of_devices_and_batch() -> None:
    lines = list(table(441e6, {3: 0.01, 8: 0.03}))
    assert len(lines) == 2 + 2 * (1 + 2)
    assert len({line.count("|") for line in lines}) == 1
