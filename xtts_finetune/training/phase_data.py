"""A phase's batches, from the cache that was prepared for the whole pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from xtts_finetune.data.cache import ClipCache
from xtts_finetune.data.index import ClipIndex
from xtts_finetune.data.loader import TrainingBatches, eval_batches
from xtts_finetune.data.plans import batch_plan, planned
from xtts_finetune.data.prefetch import Prefetcher
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import DatasetSpec
from xtts_finetune.xtts.base import BaseFiles, conditioning_lengths, read_config
from xtts_finetune.xtts.losses import GptBatch
from xtts_finetune.xtts.mels import load_mel_stats, silence


class PhaseData:
    """Training batches that depend on (seed, step) alone, and the frozen eval set."""

    def __init__(
        self,
        run: RunFolder,
        base: BaseFiles,
        phase: PhaseSpec,
        datasets: Sequence[DatasetSpec],
        parts: int = 1,
    ) -> None:
        """`parts`: how many batches of this phase make up a declared one, after memory ran out."""
        clips = ClipIndex.read(run.clips, "train")
        self._plan = batch_plan(clips, datasets, phase, parts)
        self.planned = planned(self._plan, phase)
        self._eval = EvalData(run)
        self._mask_prompt = phase.mask_prompt
        batches = TrainingBatches(
            clips,
            ClipCache.open(run.cache),
            self._plan,
            conditioning_lengths(read_config(base)),
            silence(load_mel_stats(base.mel_stats)).numpy(),
        )
        self._prefetcher = Prefetcher(pinned(batches) if torch.cuda.is_available() else batches)

    def train_batches(self, step: int) -> list[GptBatch]:
        """The micro-batches of a step, counted from 0."""
        batches = self._prefetcher.get(step)
        return batches if self._mask_prompt else [replace(batch, prompt_slices=None) for batch in batches]

    def eval_batches(self) -> Iterator[GptBatch]:
        """The eval set, the same every time."""
        return self._eval.batches()

    def epoch(self, step: int) -> float:
        """Passes over the clips that are done after `step` steps."""
        return round(self._plan.epoch_of(step), 4)

    def steps_of(self, epochs: float) -> int:
        """Optimizer steps of so many passes over the clips; at least 1."""
        return self._plan.steps_of(epochs)

    def close(self) -> None:
        """End the thread that prepares batches ahead."""
        self._prefetcher.close()


def pinned(make: Callable[[int], list[GptBatch]]) -> Callable[[int], list[GptBatch]]:
    """The same batches in page-locked memory, copied there by the thread that makes them."""
    return lambda step: [batch.pin_memory() for batch in make(step)]


class EvalData:
    """The frozen eval set of a run."""

    def __init__(self, run: RunFolder) -> None:
        self._cache = ClipCache.open(run.cache)
        self._clips = ClipIndex.read(run.clips, "eval")

    def batches(self) -> Iterator[GptBatch]:
        """Batches of like lengths; memory does not depend on the size of the set."""
        return eval_batches(self._clips, self._cache)
