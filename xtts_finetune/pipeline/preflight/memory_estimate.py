"""How much memory a phase takes, before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from xtts_finetune.pipeline.disk import HIFIGAN_BYTES
from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.spec.phase import PhaseSpec

CODES_A_SECOND = 22_050 / 1024
CONDITIONING_TOKENS = 32  # what XTTS's perceiver makes of the voice
# Of clips that are not prepared yet: the longest that are taken, and a text of usual length for them.
LONGEST_SECONDS, LONGEST_TEXT = 11.6, 150
# Python, torch and the libraries; on a GPU its context instead.
PROCESS_BYTES = 1_000_000_000
# What torch's allocator keeps beside what is asked for.
SPARE = 1.15


@dataclass(frozen=True)
class Estimate:
    """Bytes: `weights` with gradients and Adam's two moments, and `total` with all the rest at the peak."""

    weights: int
    total: int
    batch_size: int


def estimate(model_bytes: int, config: Mapping[str, Any], phase: PhaseSpec, tokens: int) -> Estimate:
    """Memory of a phase whose longest clip has so many tokens; `model_bytes` is a model file in fp32.

    Weights, gradients and two moments take 16 bytes a parameter. A layer keeps s b h (34 + 5 a s / h) bytes of
    activations in 16 bit for s tokens, b clips, width h and a heads (Korthikanti et al., Reducing Activation
    Recomputation in Large Transformer Models, 2022, eq. 2), twice that in fp32. XTTS v2 in fp32 with 3 clips of
    3 seconds comes to 10.5 GB; 10.7 GB were measured on a CPU (benchmarks/full_size.py). The estimate is for
    the longest clips all in one batch, so most steps take less.
    """
    arguments = config["model_args"]
    layers, width, heads = (
        int(arguments.get(f"gpt_{name}") or default)
        for name, default in (("layers", 30), ("n_model_channels", 1024), ("n_heads", 16))
    )
    trained = max(0, model_bytes - HIFIGAN_BYTES)
    weights = 4 * trained
    a_layer = tokens * phase.batch_size * width * (34 + 5 * heads * tokens / width)
    activations = layers * a_layer * (2 if phase.precision == "fp32" else 1)
    total = SPARE * (weights + activations + HIFIGAN_BYTES + PROCESS_BYTES)
    return Estimate(weights, int(total), phase.batch_size)


def longest_clip(clips: Iterable[ClipRecord]) -> int:
    """Tokens of the longest clip: conditioning, text and codes; a usual one where there are no clips yet."""
    lengths = [clip_tokens(clip.seconds, clip.text_tokens) for clip in clips]
    return max(lengths, default=clip_tokens(LONGEST_SECONDS, LONGEST_TEXT))


def clip_tokens(seconds: float, text_tokens: int) -> int:
    """Tokens that the GPT sees of a clip."""
    return CONDITIONING_TOKENS + text_tokens + 4 + round(CODES_A_SECOND * seconds)
