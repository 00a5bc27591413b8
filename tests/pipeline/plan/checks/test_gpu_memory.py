"""The estimate of a phase's memory on a GPU, beside what torch's own allocator came to for XTTS v2 at full size."""

from __future__ import annotations

from typing import Any

import pytest

from xtts_finetune.pipeline.plan.checks.memory import CONTEXT_BYTES, GPU_SPARE, Longest, estimate
from xtts_finetune.spec.phase import PhaseSpec

XTTS_V2 = 1_870_000_000
CONFIG = {"model_args": {"gpt_layers": 30, "gpt_n_model_channels": 1024, "gpt_n_heads": 16}}
LONGEST = Longest.of(11.6, 150)
LORA = {"train": {"lora": {}}}
CHECKPOINTED = {"gradient_checkpointing": True}

# Peaks in GB of allocated memory: torch's allocator on a pretended GPU, clips of 11.6 s with 150 tokens of text.
PEAKS: list[tuple[dict[str, Any], float]] = [
    ({"batch_size": 1}, 7.20),
    ({"batch_size": 3}, 8.11),
    ({"batch_size": 8}, 11.08),
    ({"batch_size": 3, **CHECKPOINTED}, 7.31),
    ({"batch_size": 1, "accumulate": 3}, 8.67),
    ({"batch_size": 1, "accumulate": 3, **CHECKPOINTED}, 7.45),
    ({"batch_size": 3, "precision": "fp32"}, 8.61),
    ({"batch_size": 3, **LORA}, 4.46),
    ({"batch_size": 3, **LORA, **CHECKPOINTED}, 2.24),
    ({"batch_size": 3, "optimizer_moments": "bf16"}, 6.35),
]


def allocated(declared: dict[str, Any]) -> float:
    phase = PhaseSpec.model_validate({"learning_rate": 1e-6, "steps": 9, "precision": "bf16", **declared})
    made = estimate(XTTS_V2, CONFIG, phase, LONGEST, on_gpu=True)
    return (made.total - CONTEXT_BYTES) / GPU_SPARE / 1e9


@pytest.mark.parametrize(("declared", "peak"), PEAKS, ids=[str(declared) for declared, _ in PEAKS])
def test_the_estimate_is_near_the_allocators_peak(declared: dict[str, Any], peak: float) -> None:
    assert allocated(declared) == pytest.approx(peak, rel=0.05)


def test_smaller_batches_take_more_where_gradients_wait_for_them() -> None:
    at_once, in_turn = allocated({"batch_size": 3}), allocated({"batch_size": 1, "accumulate": 3})
    assert allocated({"batch_size": 3, **CHECKPOINTED}) < at_once < in_turn
