"""Where a vocoder works: in threads beside the GPT, or at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

MOST_THREADS = 4  # no model is so fast that it keeps more of them busy


def threads() -> int:
    """As many as there are cores that this process may use, within reason."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


@contextmanager
def background(workers: int) -> Iterator[Executor]:
    """An executor of `workers` threads; with none, each task is done before `submit` returns.

    At the end, also after an exception, what has begun is finished and what has not is given up.
    """
    executor: Executor = ThreadPoolExecutor(workers, "vocoder") if workers else _AtOnce()
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


class _AtOnce(Executor):
    """Does each task where it is asked for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done
