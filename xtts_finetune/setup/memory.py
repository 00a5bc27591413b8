"""How many clips a step can take at once in the memory there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xtts_finetune.pipeline.plan.checks.memory import FULL
from xtts_finetune.pipeline.plan.checks.memory_estimate import LONGEST_TEXT, Longest, estimate
from xtts_finetune.pipeline.plan.disk import readable
from xtts_finetune.spec.phase import PhaseSpec

CLIPS_A_STEP = 3
# From the fastest to the smallest; each step sees the same clips.
WAYS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"batch_size": 3}, "all three clips of a step at once"),
    (
        {"batch_size": 1, "accumulate": 3},
        "one clip at a time, three of them a step: the same step in less memory",
    ),
    (
        {"batch_size": 1, "accumulate": 3, "gradient_checkpointing": True},
        "one clip at a time, each layer computed twice: less memory, steps a third slower",
    ),
    (
        {"batch_size": 3, "train": {"lora": {}}},
        "all three clips of a step at once, adapters alone (LoRA): all weights with their moments would not fit",
    ),
    (
        {"batch_size": 1, "accumulate": 3, "train": {"lora": {}}},
        "one clip at a time, adapters alone (LoRA): all weights with their moments would not fit",
    ),
    (
        {"batch_size": 1, "accumulate": 3, "gradient_checkpointing": True, "train": {"lora": {}}},
        "one clip at a time, each layer computed twice, adapters alone (LoRA): all that saves memory",
    ),
)


@dataclass(frozen=True)
class Batches:
    """Keys of a phase that fit into memory, and why these."""

    keys: Mapping[str, Any]
    why: str

    @property
    def adapters(self) -> bool:
        """Whether adapters train rather than the weights."""
        return "train" in self.keys


def choose_batches(
    model_bytes: int, config: Mapping[str, Any], longest_seconds: float, memory: int, on_gpu: bool
) -> Batches:
    """The fastest way of three clips a step that fits into `memory` bytes, by the estimate that doctor gives.

    `model_bytes` and `config` are of the base's model.pth in fp32 and its config.json.
    """
    longest = Longest.of(longest_seconds, LONGEST_TEXT)
    device = f"{readable(memory)} of {'GPU ' if on_gpu else ''}memory"
    needed = 0
    for keys, what in WAYS:
        phase = PhaseSpec(learning_rate=1e-6, steps=1, **keys)
        needed = estimate(model_bytes, config, phase, longest, on_gpu).total
        if needed <= FULL * memory:
            return Batches(keys, f"{what}; about {readable(needed)} of the {device}")
    keys, what = WAYS[-1]
    enough = "that is tight" if needed <= memory else "that is too little"
    return Batches(keys, f"{what}; about {readable(needed)} are needed of {device}: {enough}")
