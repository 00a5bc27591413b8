"""Which clips an epoch has, and in which order: a pure function of seed and epoch, whatever the data sets weigh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import floor

import numpy as np
from numpy.typing import NDArray

# Separate streams of random numbers: the order of the clips must not move when something else draws more.
ORDER, CROPS, EXTRAS, SHUFFLE = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class Epochs:
    """Epoch after epoch without gaps; a place counts clips from the first epoch's first clip on, 0.

    datasets   int (clips,), the number of each clip's data set
    weights    of each data set: how often its clips come in an epoch. Of a weight's whole part every clip has
               its share in every epoch. For the rest a fixed random order of the data set is walked through,
               epoch after epoch: with 0.5 one half comes in one epoch and the other half in the next.
    """

    datasets: NDArray[np.int64]
    weights: Sequence[float]
    seed: int
    _members: tuple[NDArray[np.int64], ...] = field(init=False, repr=False)
    _shares: tuple[Fraction, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not len(self.datasets):
            raise ValueError("an epoch needs clips of at least 1 but got none")
        if any(not weight > 0 for weight in self.weights):
            raise ValueError(f"weights must be positive but got {list(self.weights)}")
        # The members in the order in which a weight's fraction walks through them.
        members = tuple(
            shuffled(np.flatnonzero(self.datasets == number), self.seed, number, EXTRAS)
            for number in range(len(self.weights))
        )
        if sum(map(len, members)) != len(self.datasets):
            raise ValueError("every clip needs a data set with a weight")
        object.__setattr__(self, "_members", members)
        # As it was written: 0.1 is meant as a tenth, and binary fractions would lose a clip now and then.
        object.__setattr__(self, "_shares", tuple(Fraction(str(weight)) for weight in self.weights))

    def start(self, epoch: int) -> int:
        """The place of an epoch's first clip."""
        shares = zip(self._members, self._shares, strict=True)
        return sum(floor(epoch * share * len(members)) for members, share in shares)

    def epoch_at(self, place: int) -> int:
        """The epoch of the clip at a place."""
        shares = zip(self._members, self._shares, strict=True)
        # Right but for one or two: epochs differ by a clip or so where a weight has a fraction.
        epoch = int(place / sum((share * len(members) for members, share in shares), Fraction(0)))
        while self.start(epoch) > place:
            epoch -= 1
        while self.start(epoch + 1) <= place:
            epoch += 1
        return epoch

    def clips_of(self, epoch: int) -> NDArray[np.int64]:
        """Indices (visits,) of an epoch's clips in their order, as often as each comes."""
        times = np.zeros(len(self.datasets), dtype=np.int64)
        for members, share in zip(self._members, self._shares, strict=True):
            times[members] = floor(share)
            more = share - floor(share)
            first, end = (floor(at * more * len(members)) for at in (epoch, epoch + 1))
            times[members[np.arange(first, end) % max(1, len(members))]] += 1
        return _in_order(times, self.seed, epoch)

    def walk(self, first: int, end: int) -> NDArray[np.int64]:
        """Indices (end - first,) of the clips from one place to before another, through as many epochs as it takes."""
        parts = []
        while first < end:
            epoch = self.epoch_at(first)
            start = self.start(epoch)
            part = cached_clips(self, epoch)[first - start : end - start]
            parts.append(part)
            first += len(part)
        return np.concatenate(parts)


def epochs_of_one(clips: int, seed: int) -> Epochs:
    """Epochs in which each of so many clips comes once."""
    return Epochs(np.zeros(clips, dtype=np.int64), [1.0], seed)


@lru_cache(maxsize=2)
def cached_clips(epochs: Epochs, epoch: int) -> NDArray[np.int64]:
    """`epochs.clips_of(epoch)`, kept while steps walk through it."""
    return epochs.clips_of(epoch)


def _in_order(times: NDArray[np.int64], seed: int, epoch: int) -> NDArray[np.int64]:
    """Every clip so many times, in random order; the copies of a clip are spread evenly over the epoch."""
    clips = np.repeat(np.arange(len(times)), times)
    copies = times[clips].astype(np.uint64)
    number = (np.arange(len(clips)) - (np.cumsum(times) - times)[clips]).astype(np.uint64)
    raw = random_raw(len(clips), seed, epoch, ORDER)
    # Copy 0 of 2 comes somewhere in the first half: two copies would else meet in one batch of like lengths.
    keys = raw // copies + number * (np.uint64(2**64 - 1) // copies)
    return clips[np.argsort(keys, kind="stable")]


def shuffled(values: NDArray[np.int64], seed: int, *stream: int) -> NDArray[np.int64]:
    """The values (any,) in an order that seed and stream alone decide."""
    return values[np.argsort(random_raw(len(values), seed, *stream), kind="stable")]


def random_raw(count: int, seed: int, *stream: int) -> NDArray[np.uint64]:
    """Random numbers to sort by.

    NumPy promises that a bit generator's raw numbers never change between its versions, and promises nothing of
    the kind for permutation().
    """
    raw: NDArray[np.uint64] = np.random.PCG64(entropy(seed, *stream)).random_raw(count)
    return raw


def entropy(seed: int, *parts: int) -> np.random.SeedSequence:
    """What starts a stream of random numbers."""
    # SeedSequence takes no negative numbers; the declared seed may be any.
    return np.random.SeedSequence([seed % 2**64, *parts])
