"""Work on many things in a few threads at once, with the results in the order of the things."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")

# More threads than this wait for each other: what holds Python's lock is a part of every clip's work.
MOST_THREADS = 16
# Things a thread that are begun before the oldest result is taken: a long clip must not stop the others.
WAITING = 4


def threads() -> int:
    """As many as there are cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MOST_THREADS)
    return min(os.cpu_count() or 1, MOST_THREADS)


def in_order(
    work: Callable[[Thing], Result], things: Iterable[Thing], workers: int | None = None
) -> Generator[Result, None, None]:
    """`work` of every thing, in the order of the things; only a few are taken before their results are.

    Close the iterator when it is not read to its end (contextlib.closing): what is not begun is then given up,
    and what is begun is finished. Raises what `work` raises, at the place of the thing that it was raised for.
    """
    workers = workers or threads()
    with ThreadPoolExecutor(workers, thread_name_prefix="clips") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for thing in things:
                waiting.append(pool.submit(work, thing))
                if len(waiting) >= WAITING * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def one_core_a_thread() -> Iterator[None]:
    """Let torch compute each call on one core meanwhile: the clips are what is spread over the cores."""
    import torch  # noqa: PLC0415  (only what prepares clips needs it)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
