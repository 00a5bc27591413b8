"""Which clips a step trains on: a pure function of seed and step, so that resuming needs the step alone.

Clips of like length come into one batch, so that little of it is padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.batching.epochs import CROPS, SHUFFLE, Epochs, entropy, shuffled
from xtts_finetune.numbers.fixed import CONDITIONING_TOKENS

# A text has a start token in front, a sound a start token and, after it, three stop tokens (xtts.losses).
EXTRA_TOKENS = 1 + 4


@dataclass(frozen=True, eq=False)
class Lengths:
    """Tokens of every clip: `text` and `codes`, both int (clips,), without start and stop."""

    text: NDArray[np.int64]
    codes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.text)

    @property
    def tokens(self) -> NDArray[np.int64]:
        """int (clips,): positions that the GPT sees of a clip alone."""
        return self.text + self.codes + CONDITIONING_TOKENS + EXTRA_TOKENS

    def padded(self, clips: NDArray[np.int64]) -> int:
        """Positions that the GPT computes for these clips (any,) in one batch, padding included."""
        longest = int(self.text[clips].max()) + int(self.codes[clips].max())
        return (longest + CONDITIONING_TOKENS + EXTRA_TOKENS) * len(clips)


def sorted_in_windows(clips: NDArray[np.int64], lengths: Lengths, window: int) -> NDArray[np.int64]:
    """The clips (any,), each `window` of them sorted by length: random still from window to window."""
    # Sound first: it makes most of the length, and texts of equally long sounds are about as long.
    ranks = lengths.codes * 1000 + lengths.text
    parts = [clips[start : start + window] for start in range(0, len(clips), window)]
    return np.concatenate([part[np.argsort(ranks[part], kind="stable")] for part in parts])


def cut(
    clips: NDArray[np.int64], lengths: Lengths, max_tokens: int, most: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Batches of as many clips, taken in their order, as fit into `max_tokens` padded positions.

    A clip that does not fit alone is a batch of its own. `most` bounds the clips of a batch too.
    """
    text, codes = lengths.text[clips].tolist(), lengths.codes[clips].tolist()
    extra = CONDITIONING_TOKENS + EXTRA_TOKENS
    first = longest_text = longest_codes = 0
    for place in range(len(clips)):
        longest_text, longest_codes = max(longest_text, text[place]), max(longest_codes, codes[place])
        count = place + 1 - first
        fits = (longest_text + longest_codes + extra) * count <= max_tokens and (most is None or count <= most)
        if count > 1 and not fits:
            yield clips[first:place]
            first, longest_text, longest_codes = place, text[place], codes[place]
    if len(clips):
        yield clips[first:]


# Clips of so many steps are sorted together: enough for like lengths, few enough for batches that differ
# from epoch to epoch.
WINDOW = 32

Batch = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BatchPlan:
    """The micro-batches of every optimizer step. Steps count from 0: step t leads from weights t to t + 1.

    Epochs are walked through without gaps: a step may begin in one epoch and end in the next. With `buckets`
    the clips of those steps that lie within an epoch are put together by length, and their batches are taken
    in random order. With `max_tokens` a batch holds as many clips as fit into so many padded positions, and
    `batch_size` does not count; a batch then never spans two epochs.

    `parts` divides every batch further, for a phase that goes on with smaller batches after memory ran out: the
    clips of each step stay what they were.
    """

    epochs: Epochs
    lengths: Lengths
    batch_size: int
    accumulate: int = 1
    buckets: bool = True
    max_tokens: int | None = None
    parts: int = 1
    _batches_before: dict[int, int] = field(default_factory=lambda: {0: 0}, init=False, repr=False)

    def __post_init__(self) -> None:
        if min(self.batch_size, self.accumulate, self.parts) < 1:
            raise ValueError(
                "a batch plan needs batch_size, accumulate and parts of at least 1 but got "
                f"{self.batch_size}, {self.accumulate} and {self.parts}"
            )
        if self.batch_size % self.parts or (self.parts > 1 and self.max_tokens is not None):
            raise ValueError(f"batches of {self.batch_size} clips cannot be cut into {self.parts} equal parts")
        if len(self.lengths) != len(self.epochs.datasets):
            raise ValueError(f"{len(self.epochs.datasets)} clips, but {len(self.lengths)} lengths")

    @property
    def seed(self) -> int:
        """Seed of all that is random in the plan."""
        return self.epochs.seed

    def clips_of(self, step: int) -> list[int]:
        """Indices of all clips of a step, batch after batch."""
        return [clip for batch in self.batches_of(step) for clip in batch]

    def batches_of(self, step: int) -> list[list[int]]:
        """The micro-batches whose gradients a step adds up, `accumulate` x `parts` of them, as indices of clips.

        Raises ValueError for a step below 0.
        """
        if step < 0:
            raise ValueError(f"steps count from 0 but got {step}")
        batches = self._by_tokens(step) if self.max_tokens is not None else self._by_clips(step)
        return [part.tolist() for batch in batches for part in np.split(batch, self.parts)]

    def epoch_of(self, step: int) -> float:
        """Passes over the clips that are done before a step."""
        if self.max_tokens is None:
            place = step * self._clips_a_step
            epoch = self.epochs.epoch_at(place)
        else:
            batch = step * self.accumulate
            epoch = self._epoch_of_batch(batch)
            done = token_batches(self, epoch)[: batch - self._batches_until(epoch)]
            place = self.epochs.start(epoch) + sum(map(len, done))
        start, end = self.epochs.start(epoch), self.epochs.start(epoch + 1)
        return epoch + (place - start) / (end - start)

    def steps_of(self, epochs: float) -> int:
        """Optimizer steps of so many epochs, the last one begun included; at least 1."""
        until, a_step = (self.epochs.start, self._clips_a_step)
        if self.max_tokens is not None:
            until, a_step = (self._batches_until, self.accumulate)
        whole = int(epochs)
        work = until(whole)
        if epochs > whole:
            work += round((epochs - whole) * (until(whole + 1) - work))
        return max(1, -(-work // a_step))

    @property
    def _clips_a_step(self) -> int:
        return self.batch_size * self.accumulate

    def _by_clips(self, step: int) -> Sequence[Batch]:
        first = step * self._clips_a_step
        epoch = self.epochs.epoch_at(first)
        inner = first // self._clips_a_step - self._first_whole_step(epoch)
        if self.buckets and inner >= 0 and first + self._clips_a_step <= self.epochs.start(epoch + 1):
            return bucketed(self, epoch)[inner * self.accumulate : (inner + 1) * self.accumulate]
        return np.split(self.epochs.walk(first, first + self._clips_a_step), self.accumulate)

    def _first_whole_step(self, epoch: int) -> int:
        """The first step that begins in an epoch."""
        return -(-self.epochs.start(epoch) // self._clips_a_step)

    def _by_tokens(self, step: int) -> Sequence[Batch]:
        batches: list[Batch] = []
        for number in range(step * self.accumulate, (step + 1) * self.accumulate):
            epoch = self._epoch_of_batch(number)
            batches.append(token_batches(self, epoch)[number - self._batches_until(epoch)])
        return batches

    def _epoch_of_batch(self, number: int) -> int:
        # Batches of an epoch are hardly ever fewer or more than those of the one before.
        epoch = number // max(1, len(token_batches(self, 0)))
        while self._batches_until(epoch) > number:
            epoch -= 1
        while self._batches_until(epoch + 1) <= number:
            epoch += 1
        return epoch

    def _batches_until(self, epoch: int) -> int:
        """Batches of all epochs before this one. How many an epoch has is known once it is cut."""
        known = min(len(self._batches_before) - 1, epoch)
        for earlier in range(known, epoch):
            batches = self._batches_before[earlier] + len(token_batches(self, earlier))
            self._batches_before[earlier + 1] = batches
        return self._batches_before[epoch]


@lru_cache(maxsize=2)
def bucketed(plan: BatchPlan, epoch: int) -> list[Batch]:
    """The batches, `batch_size` clips each, of those steps that lie within an epoch."""
    start, end = plan.epochs.start(epoch), plan.epochs.start(epoch + 1)
    a_step = plan.batch_size * plan.accumulate
    first = -(-start // a_step) * a_step
    clips = plan.epochs.clips_of(epoch)[first - start :]
    clips = clips[: (end - first) // a_step * a_step]
    clips = sorted_in_windows(clips, plan.lengths, WINDOW * a_step)
    return _in_random_order(np.split(clips, len(clips) // plan.batch_size), plan.seed, epoch)


@lru_cache(maxsize=3)
def token_batches(plan: BatchPlan, epoch: int) -> list[Batch]:
    """All batches of an epoch, none of more than `max_tokens` padded positions unless it is a single clip."""
    assert plan.max_tokens is not None
    clips = plan.epochs.clips_of(epoch)
    if plan.buckets and len(clips):
        a_batch = plan.max_tokens * len(clips) // int(plan.lengths.tokens[clips].sum())
        window = WINDOW * plan.accumulate * max(1, a_batch)
        clips = sorted_in_windows(clips, plan.lengths, window)
    batches = list(cut(clips, plan.lengths, plan.max_tokens))
    return _in_random_order(batches, plan.seed, epoch) if plan.buckets else batches


def _in_random_order(batches: list[Batch], seed: int, epoch: int) -> list[Batch]:
    return [batches[place] for place in shuffled(np.arange(len(batches)), seed, epoch, SHUFFLE)]


def step_generator(seed: int, step: int, batch: int = 0) -> np.random.Generator:
    """The random numbers of one micro-batch of a step."""
    return np.random.Generator(np.random.PCG64(entropy(seed, step, CROPS, batch)))
