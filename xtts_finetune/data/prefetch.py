"""Prepare the next step's batch in the background while the current one trains."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """Calls `make(step)` one step ahead in a thread. Safe because `make` depends on the step alone.

    Steps may be asked in any order; only the one after the last asked is ready. An error of `make` is
    raised by the `get` of its own step.
    """

    def __init__(self, make: Callable[[int], T]) -> None:
        self._make = make
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")
        self._next: tuple[int, Future[T]] | None = None

    def get(self, step: int) -> T:
        """What `make(step)` gives; step + 1 is begun before this returns."""
        if self._next is None or self._next[0] != step:
            self._submit(step)
        assert self._next is not None
        result = self._next[1].result()
        self._submit(step + 1)
        return result

    def close(self) -> None:
        """Forget what is prepared and end the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Prefetcher[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _submit(self, step: int) -> None:
        if self._next is not None:
            self._next[1].cancel()
        self._next = (step, self._thread.submit(self._make, step))
