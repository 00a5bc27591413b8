from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from xtts_finetune.data.in_threads import WAITING, in_order, one_core_a_thread


def test_results_come_in_the_order_of_the_things_however_long_each_takes():
    def work(number: int) -> int:
        time.sleep(0.01 if number % 3 == 0 else 0.0)
        return number * number

    assert list(in_order(work, range(40), workers=3)) == [number * number for number in range(40)]


def test_things_are_taken_only_as_results_are():
    taken: list[int] = []

    def things() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    with closing(in_order(str, things(), workers=2)) as results:
        for _ in range(10):
            next(results)
            assert len(taken) <= 10 + 2 * WAITING


def test_an_error_comes_in_its_place_and_what_has_not_begun_is_given_up():
    done: list[int] = []
    released = threading.Event()

    def work(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        if number > 3:
            released.wait(30)
        done.append(number)
        return number

    results = in_order(work, range(1000), workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    threading.Timer(0.3, released.set).start()
    with pytest.raises(ValueError, match="three"):
        next(results)
    # One thing a thread was being worked on; the others that had been taken were not.
    assert done[:3] == [0, 1, 2] and len(done) <= 3 + 2


def test_torch_has_its_threads_back_afterwards():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_core_a_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
