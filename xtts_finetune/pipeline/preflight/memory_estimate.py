"""How much memory a phase takes, before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from xtts_finetune.pipeline.trained_sizes import HIFIGAN_BYTES, gpt_sizes, trained_sizes
from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.train import Train, TrainLora

CODES_A_SECOND = 22_050 / 1024
CONDITIONING_TOKENS = 32  # what XTTS's perceiver makes of the voice
# Of clips that are not prepared yet: the longest that are taken, and a text of usual length for them.
LONGEST_SECONDS, LONGEST_TEXT = 11.6, 150
FRAMES_A_SECOND = 22_050 / 256
CONDITIONED_SECONDS = 6.0
CONDITIONING_BLOCKS = 6
GELU_EXTRA = 40  # bytes a token and channel in 16 bit: 5 more tensors of 4 h
# Python, torch and the libraries; on a GPU its context instead.
PROCESS_BYTES = 1_000_000_000
# What torch's allocator keeps beside what is asked for.
SPARE = 1.05


@dataclass(frozen=True)
class Estimate:
    """Bytes: `weights` with the gradients and Adam's two moments of what trains, and `total` with all the rest."""

    weights: int
    total: int
    batch_size: int


@dataclass(frozen=True)
class Longest:
    """The longest clip: tokens that the GPT sees of it, and frames of it that condition the GPT."""

    tokens: int
    frames: int

    @classmethod
    def of(cls, seconds: float, text_tokens: int) -> Longest:
        """The length of a clip with so many seconds and tokens of text, start and stop not counted."""
        tokens = CONDITIONING_TOKENS + text_tokens + 4 + round(CODES_A_SECOND * seconds)
        return cls(tokens, round(FRAMES_A_SECOND * min(seconds, CONDITIONED_SECONDS)))


def estimate(model_bytes: int, config: Mapping[str, Any], phase: PhaseSpec, longest: Longest) -> Estimate:
    """Memory of a phase with its longest clips all in one batch; `model_bytes` is a model file in fp32.

    Weights take 4 bytes a parameter, gradients and two moments 12 more of one that trains. A layer keeps
    s h (34 + 5 a s / h) bytes of activations of a clip in 16 bit, for s tokens, width h and a heads (Korthikanti et
    al., Reducing Activation Recomputation in Large Transformer Models, 2022, eq. 2), twice that in fp32. Two things
    come on top in this model: the GELU of its GPT-2 is put together from elementary operations, which keep 6 tensors of 4 h instead
    of one, and the conditioning encoder keeps 3 attention matrices of all frames in each of its 6 blocks.
    What lies before the first weight that trains keeps nothing. Saving adapters takes a second copy of the weights
    that they add to, when activations are free again.

    Measured on a CPU in fp32, as the largest resident set, beside the estimate:

        XTTS v2's size, 3 clips of 3 s (benchmarks/full_size.py)   10.7 GB   10.8 GB
        the demo, batches of 2, 12, 24 and 48                      1.2, 1.8, 2.6, 4.3 GB   1.4, 2.0, 2.8, 4.4 GB
    """
    _, width, heads = gpt_sizes(config)
    fp32 = phase.precision == "fp32"
    sizes = trained_sizes(model_bytes, config, phase.train)
    adapters = sizes.trained if isinstance(phase.train, TrainLora) else 0
    weights = sizes.gpt + adapters + 3 * sizes.trained
    tokens = longest.tokens
    a_layer = tokens * width * (34 + GELU_EXTRA + 5 * heads * tokens / width) * (2 if fp32 else 1)
    a_block = 3 * heads * longest.frames**2 * (4 if fp32 else 2)
    layers, blocks = _kept(config, phase.train)
    activations = phase.batch_size * (layers * a_layer + blocks * a_block)
    total = SPARE * (weights + max(activations, sizes.extra) + HIFIGAN_BYTES + PROCESS_BYTES)
    return Estimate(weights, int(total), phase.batch_size)


def _kept(config: Mapping[str, Any], train: Train) -> tuple[int, int]:
    """Layers of the transformer and blocks of the conditioning encoder whose activations are there at once."""
    layers, _, _ = gpt_sizes(config)
    if isinstance(train, TrainLora):
        return layers, 1
    if train != "all" and set(train) == {"heads"}:
        return 1, 1
    return layers, CONDITIONING_BLOCKS if train == "all" or "conditioning" in train else 1


def longest_clip(clips: Iterable[ClipRecord]) -> Longest:
    """The longest of the clips; where there are none yet, the longest that would be taken."""
    lengths = [Longest.of(clip.seconds, clip.text_tokens) for clip in clips]
    return max(lengths, key=lambda length: length.tokens, default=Longest.of(LONGEST_SECONDS, LONGEST_TEXT))
