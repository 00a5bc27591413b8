"""What a phase's trainer is given besides the model; above all batches, from the cache of the whole pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from TTS.tts.models.xtts import Xtts

from xtts_finetune.data.batching.index import ClipIndex, batch_plan, planned
from xtts_finetune.data.batching.loader import Prefetcher, TrainingBatches, eval_batches
from xtts_finetune.data.cache import ClipCache
from xtts_finetune.ranks.group import ALONE, Ranks
from xtts_finetune.records.metrics import EvalRecord, QualityRecord
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import DatasetSpec
from xtts_finetune.spec.sources import KeptStep
from xtts_finetune.xtts.base import BaseFiles, conditioning_lengths, read_config
from xtts_finetune.xtts.encoder import load_mel_stats, silence
from xtts_finetune.xtts.losses import GptBatch

AskedToStop = Callable[[], bool]
Speak = Callable[[Xtts, int, AskedToStop], QualityRecord | None]


@dataclass(frozen=True)
class PhaseJob:
    """Everything a phase's trainer needs besides the model.

    `needed` are the steps that later phases start from. `interrupted` is asked after every step, and while an
    evaluation goes on. `speak` lets the model speak the utterances at a step and says how they are; None when
    it was interrupted. At `pause_at` steps the phase waits, with a checkpoint, for whoever compares it with
    others; its schedule and its length are those of the whole. `continued_at` is the step from which the phase goes on
    under other values than before: rates are taken as declared from there, and rules that wait count from there.
    `base` is the base's evaluation, where weights from a file of the user's are to be held against it. `note` says
    something aloud.
    """

    folder: CandidateFolder
    phase: PhaseSpec
    data: PhaseData
    total_steps: int
    needed: Sequence[KeptStep] = ()
    interrupted: AskedToStop = field(default=lambda: False)
    speak: Speak | None = None
    pause_at: int | None = None
    continued_at: int = 0
    base: EvalRecord | None = None
    ranks: Ranks = ALONE
    note: Callable[[str], None] = field(default=lambda message: None)


class PhaseData:
    """Training batches that depend on (seed, step) alone, and the frozen eval set.

    Raises UserError where there are no clips, or a clip of a batch is missing from the cache or damaged.
    """

    def __init__(
        self,
        run: RunFolder,
        base: BaseFiles,
        phase: PhaseSpec,
        datasets: Sequence[DatasetSpec],
        parts: int = 1,
        ranks: Ranks = ALONE,
    ) -> None:
        """`parts`: how many batches of this phase make up a declared one, after memory ran out."""
        clips = ClipIndex.read(run.clips, "train")
        self._plan = batch_plan(clips, datasets, phase, parts)
        self.planned = planned(self._plan, phase)
        self._eval = EvalData(run, ranks)
        self._mask_prompt = phase.mask_prompt
        batches = TrainingBatches(
            clips,
            ClipCache.open(run.cache),
            self._plan,
            conditioning_lengths(read_config(base)),
            silence(load_mel_stats(base.mel_stats)).numpy(),
            ranks.rank,
            ranks.count,
        )
        self._prefetcher = Prefetcher(pinned(batches) if torch.cuda.is_available() else batches)

    @property
    def micro_batches(self) -> int:
        """How many make up a step, on all ranks together."""
        return self._plan.accumulate * self._plan.parts

    def train_batches(self, step: int) -> list[GptBatch]:
        """The micro-batches of a step, counted from 0, or this rank's parts of them."""
        batches = self._prefetcher.get(step)
        return batches if self._mask_prompt else [replace(batch, prompt_slices=None) for batch in batches]

    def clips_of(self, step: int) -> int:
        """Clips of a step, on all ranks together."""
        return len(self._plan.clips_of(step))

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
    """The frozen eval set of a run; of several ranks, each has its share of the batches."""

    def __init__(self, run: RunFolder, ranks: Ranks = ALONE) -> None:
        self._cache = ClipCache.open(run.cache)
        self._clips = ClipIndex.read(run.clips, "eval")
        self._ranks = ranks

    def batches(self) -> Iterator[GptBatch]:
        """Batches of clips of similar length; memory does not depend on the size of the set.

        Raises UserError when a clip is missing from the cache or damaged.
        """
        return eval_batches(self._clips, self._cache, self._ranks.rank, self._ranks.count)
