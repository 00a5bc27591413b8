"""Which clips a step trains on: a pure function of seed and step, so that resuming needs the step alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Separate streams of random numbers: the order of the clips must not move when something else draws more.
ORDER, CROPS = 0, 1


@dataclass(frozen=True)
class BatchPlan:
    """The clips of every optimizer step: `clips` clips are walked through epoch after epoch without gaps.

    Every clip comes once an epoch, in an order that only (seed, epoch) decides; a batch may begin in one
    epoch and end in the next. Steps count from 0: step t leads from weights t to weights t + 1.
    """

    clips: int
    batch_size: int
    seed: int
    accumulate: int = 1

    def __post_init__(self) -> None:
        if min(self.clips, self.batch_size, self.accumulate) < 1:
            raise ValueError(
                f"a batch plan needs clips, batch_size and accumulate of at least 1 but got {self}"
            )

    @property
    def clips_a_step(self) -> int:
        """Clips of one optimizer step."""
        return self.batch_size * self.accumulate

    def clips_of(self, step: int) -> list[int]:
        """Indices of the clips of a step, batch_size x accumulate of them."""
        if step < 0:
            raise ValueError(f"steps count from 0 but got {step}")
        places = range(step * self.clips_a_step, (step + 1) * self.clips_a_step)
        return [
            int(epoch_order(self.clips, self.seed, place // self.clips)[place % self.clips])
            for place in places
        ]

    def batches_of(self, step: int) -> list[list[int]]:
        """The same clips as the micro-batches whose gradients the step adds up."""
        clips = self.clips_of(step)
        return [clips[start : start + self.batch_size] for start in range(0, len(clips), self.batch_size)]

    def epoch_of(self, step: int) -> float:
        """Passes over the clips that are done before a step."""
        return step * self.clips_a_step / self.clips


@lru_cache(maxsize=4)
def epoch_order(clips: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of the clips in an epoch."""
    # Sorting the generator's raw numbers: NumPy promises that these never change between its versions,
    # and promises nothing of the kind for permutation().
    raw = np.random.PCG64(_entropy(seed, epoch, ORDER)).random_raw(clips)
    order = np.argsort(raw, kind="stable").astype(np.int64)
    order.setflags(write=False)
    return order


def step_generator(seed: int, step: int, batch: int = 0) -> np.random.Generator:
    """The random numbers of one micro-batch of a step."""
    return np.random.Generator(np.random.PCG64(_entropy(seed, step, CROPS, batch)))


def _entropy(seed: int, *parts: int) -> np.random.SeedSequence:
    # SeedSequence takes no negative numbers; the declared seed may be any.
    return np.random.SeedSequence([seed % 2**64, *parts])
