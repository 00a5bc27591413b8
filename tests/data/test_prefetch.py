from __future__ import annotations

import threading
import time

import pytest

from xtts_finetune.data.batching.loader import Prefetcher


def test_gives_what_was_asked_in_any_order():
    with Prefetcher(lambda step: step * step) as prefetcher:
        assert [prefetcher.get(step) for step in (0, 1, 2, 7, 8, 3, 3)] == [0, 1, 4, 49, 64, 9, 9]


def test_the_next_step_is_made_meanwhile():
    made = {step: threading.Event() for step in range(3)}

    def make(step: int) -> int:
        made[step].set()
        return step

    with Prefetcher(make) as prefetcher:
        prefetcher.get(0)
        assert made[1].wait(5)
        assert not made[2].is_set()


def test_an_error_comes_with_its_own_step():
    def make(step: int) -> int:
        if step == 1:
            raise KeyError("broken")
        return step

    with Prefetcher(make) as prefetcher:
        assert prefetcher.get(0) == 0
        time.sleep(0.05)
        with pytest.raises(KeyError, match="broken"):
            prefetcher.get(1)
        assert prefetcher.get(2) == 2


def test_closing_ends_the_thread():
    with Prefetcher(lambda step: threading.current_thread()) as prefetcher:
        thread = prefetcher.get(0)
    assert not thread.is_alive()
