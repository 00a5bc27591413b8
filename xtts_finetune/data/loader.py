"""The batches of a phase and of its evaluations, from the records and the cache of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.batches import BatchPlan, step_generator
from xtts_finetune.data.cache import ClipCache
from xtts_finetune.data.collate import collate_eval, collate_training
from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.xtts.base import ConditioningLengths
from xtts_finetune.xtts.losses import GptBatch


@dataclass(frozen=True)
class TrainingBatches:
    """Gives the micro-batches of any step; made for `Prefetcher(TrainingBatches(...))`.

    clips     the training clips, in the order of clips.jsonl; `plan` is made for their number
    silence   float32 (80,), the encoder's mel of zeros
    """

    clips: Sequence[ClipRecord]
    cache: ClipCache
    plan: BatchPlan
    lengths: ConditioningLengths
    silence: NDArray[np.float32]

    def __call__(self, step: int) -> list[GptBatch]:
        """The batches whose gradients a step (from 0) adds up: a pure function of the plan and the step."""
        return [
            collate_training(
                [self.cache.item(self.clips[index]) for index in indices],
                step_generator(self.plan.seed, step, number),
                self.lengths,
                self.silence,
            )
            for number, indices in enumerate(self.plan.batches_of(step))
        ]


def eval_batches(clips: Sequence[ClipRecord], cache: ClipCache, batch_size: int = 1) -> Iterator[GptBatch]:
    """All clips of the eval set in their order, `batch_size` at a time; the last batch may be smaller."""
    for start in range(0, len(clips), batch_size):
        yield collate_eval([cache.item(clip) for clip in clips[start : start + batch_size]])
