"""The batches of a phase and of its evaluations, each prepared in the background while the one before it trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.batching.batches import BatchPlan, cut, step_generator
from xtts_finetune.data.batching.collate import Piece, collate_eval, collate_training, pieces_of
from xtts_finetune.data.batching.index import ClipIndex
from xtts_finetune.data.cache import ClipCache, Item
from xtts_finetune.xtts.base import ConditioningLengths
from xtts_finetune.xtts.losses import GptBatch

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """Calls `make(step)` one step ahead in a thread. Safe because `make` depends on the step alone.

    Steps may be asked for in any order; only the one after the last is ready. An error of `make` is raised by the
    `get` of its own step.
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


# What one batch of an evaluation may hold, whatever phase, base and device: an evaluation must come out the
# same everywhere, and fit wherever a step of training fits.
EVAL_TOKENS, EVAL_CLIPS = 1536, 8


@dataclass(frozen=True)
class TrainingBatches:
    """Gives the micro-batches of any step; made for `Prefetcher(TrainingBatches(...))`.

    clips     the training clips; `plan` is made for them
    silence   float32 (80,), the encoder's mel of zeros
    rank      of so many `ranks`: the share of each step that is made here
    """

    clips: ClipIndex
    cache: ClipCache
    plan: BatchPlan
    lengths: ConditioningLengths
    silence: NDArray[np.float32]
    rank: int = 0
    ranks: int = 1

    def __call__(self, step: int) -> list[GptBatch]:
        """The batches whose gradients a step (from 0) adds up, or this rank's parts of them.

        A pure function of the plan, the step and the rank.
        """
        batches = self.plan.batches_of(step)
        if self.ranks == 1:
            return [self._made(step, number, clips) for number, clips in enumerate(batches)]
        pieces = pieces_of(batches, self.clips.lengths, self.rank, self.ranks)
        return [self._made(step, piece.number, batches[piece.number], piece) for piece in pieces]

    def _made(self, step: int, number: int, clips: Sequence[int], piece: Piece | None = None) -> GptBatch:
        items = items_of(self.clips, self.cache, clips)
        generator = step_generator(self.plan.seed, step, number)
        return collate_training(items, generator, self.lengths, self.silence, piece)


def eval_batches(clips: ClipIndex, cache: ClipCache, rank: int = 0, ranks: int = 1) -> Iterator[GptBatch]:
    """All clips of the eval set once, from the shortest to the longest: the same batches every time.

    Of several `ranks`, each takes every `ranks`-th batch, starting with the one of its own number.
    """
    order = np.lexsort((clips.lengths.text, clips.lengths.codes))
    for batch in islice(cut(order, clips.lengths, EVAL_TOKENS, EVAL_CLIPS), rank, None, ranks):
        yield collate_eval(items_of(clips, cache, batch.tolist()))


def items_of(clips: ClipIndex, cache: ClipCache, chosen: Sequence[int]) -> list[Item]:
    """The clips at these places of the index. Raises UserError if a file of the cache is missing or damaged."""
    items = []
    for clip in chosen:
        item = cache.find(clips.sound(clip), clips.text(clip), evaluation=clips.split == "eval")
        if item is None:
            raise cache.not_whole(clips.record(clip))
        items.append(item)
    return items
