"""Work beside the GPT: done, awaited and given up as the vocoders rely on."""

from __future__ import annotations

import threading

import pytest

from xtts_finetune.xtts.speech.vocoder import MOST_THREADS, background, threads


def test_threads_are_some_but_not_many() -> None:
    assert 1 <= threads() <= MOST_THREADS


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_are_those_of_the_tasks(workers: int) -> None:
    with background(workers) as executor:
        futures = [executor.submit(pow, 2, power) for power in range(5)]
        assert [future.result() for future in futures] == [1, 2, 4, 8, 16]


def test_without_workers_a_task_is_done_where_it_is_asked_for() -> None:
    with background(0) as executor:
        future = executor.submit(threading.get_ident)
        assert future.done() and future.result() == threading.get_ident()


def test_after_an_exception_what_has_begun_is_finished_and_the_rest_given_up() -> None:
    begun, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        begun.set()
        go_on.wait(10)
        done.append(number)

    with pytest.raises(InterruptedError), background(1) as executor:
        futures = [executor.submit(work, number) for number in range(3)]
        begun.wait(10)
        threading.Timer(0.05, go_on.set).start()
        raise InterruptedError
    assert done == [0]
    assert [future.cancelled() for future in futures] == [False, True, True]
