"""What a training process keeps of its clips: about 90 bytes each, whatever their texts and paths."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.buckets import Lengths
from xtts_finetune.data.cache import text_key
from xtts_finetune.records.clips import ClipRecord, Split, iter_clips

SAMPLE_RATE, CODE_SAMPLES = 22_050, 1024
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
        """The whole record of a clip, for what is said of it. Reads the file up to there."""
        return next(record for place, record in enumerate(iter_clips(self.file, self.split)) if place == clip)
