"""What a training process keeps of its clips, about 90 bytes each; and the batch plan of a phase. Without torch."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.batching.batches import BatchPlan, Lengths
from xtts_finetune.data.batching.epochs import Epochs
from xtts_finetune.data.cache import text_key
from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.numbers.fixed import CODE_SAMPLES, SAMPLE_RATE
from xtts_finetune.records.clips import ClipRecord, Split, iter_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.phase import PhaseSpec, Planned
from xtts_finetune.spec.pipeline import DatasetSpec


def batch_plan(clips: ClipIndex, datasets: Sequence[DatasetSpec], phase: PhaseSpec, parts: int = 1) -> BatchPlan:
    """Which clips each step of a phase trains on; `parts`: into how many a declared batch was cut.

    Raises UserError if there are no clips.
    """
    if not len(clips):
        raise UserError(f"{clips.file}: no clip to train on; prepare the clips again: {command('prepare')}")
    weights = {spec.name: spec.weight for spec in datasets}
    # A data set that is declared no more has gone from the records too, by the time that a phase starts.
    epochs = Epochs(clips.datasets, [weights.get(name, 1.0) for name in clips.names], phase.seed)
    return BatchPlan(
        epochs,
        clips.lengths,
        phase.batch_size * parts,
        phase.accumulate // parts,
        phase.buckets,
        phase.max_tokens,
        parts,
    )


def planned(plan: BatchPlan, phase: PhaseSpec) -> Planned:
    """What a phase will do when nothing stops it."""
    steps = plan.steps_of(phase.epochs or 1) if phase.steps is None else phase.steps
    return Planned(steps, round(plan.epoch_of(steps), 2))


def planned_of_run(run: RunFolder, datasets: Sequence[DatasetSpec], phase: PhaseSpec) -> Planned:
    """The same from a run's records. Raises UserError if its clips are not prepared."""
    return planned(batch_plan(ClipIndex.read(run.clips, "train"), datasets, phase), phase)


# Seconds are recorded to the millisecond.
ROUNDED_OFF = 0.0005
KEY_BYTES = 32


@dataclass(frozen=True, eq=False)
class ClipIndex:
    """The clips of one split, in the order of clips.jsonl.

    sounds, texts   uint8 (clips, 32), by which the cache finds them
    lengths         text tokens, and codes: at most one too many, since the records round the seconds
    datasets        int64 (clips,), places in `names`
    """

    file: Path
    split: Split
    sounds: NDArray[np.uint8]
    texts: NDArray[np.uint8]
    lengths: Lengths
    datasets: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def read(cls, file: Path, split: Split) -> ClipIndex:
        """The index of a split's clips. Raises UserError if the file is missing or damaged."""
        sounds, texts = bytearray(), bytearray()
        text_tokens, codes, datasets = array("q"), array("q"), array("q")
        names: dict[str, int] = {}
        for clip in iter_clips(file, split):
            sounds += bytes.fromhex(clip.sha256)
            texts += bytes.fromhex(text_key(clip.text, clip.language))
            text_tokens.append(clip.text_tokens)
            codes.append(math.ceil((clip.seconds + ROUNDED_OFF) * SAMPLE_RATE / CODE_SAMPLES))
            datasets.append(names.setdefault(clip.dataset, len(names)))
        return cls(
            file,
            split,
            np.frombuffer(sounds, dtype=np.uint8).reshape(-1, KEY_BYTES),
            np.frombuffer(texts, dtype=np.uint8).reshape(-1, KEY_BYTES),
            Lengths(np.array(text_tokens, dtype=np.int64), np.array(codes, dtype=np.int64)),
            np.array(datasets, dtype=np.int64),
            tuple(names),
        )

    def __len__(self) -> int:
        return len(self.datasets)

    def sound(self, clip: int) -> str:
        """The sound's sha256."""
        return bytes(self.sounds[clip]).hex()

    def text(self, clip: int) -> str:
        """The text's key in the cache."""
        return bytes(self.texts[clip]).hex()

    def record(self, clip: int) -> ClipRecord:
        """The whole record of a clip, for a message about it. Reads the file up to there."""
        return next(record for place, record in enumerate(iter_clips(self.file, self.split)) if place == clip)
