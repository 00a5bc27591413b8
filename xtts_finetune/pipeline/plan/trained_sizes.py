"""How large what trains is, from a base's config.json alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.spec.train import Train, TrainLora

# The HiFi-GAN with its speaker encoder: 26 M weights in fp32. A model file has one, a checkpoint none.
HIFIGAN_BYTES = 100_000_000

# Rows and columns of a block's linear layers together, and their weights, in widths of the model.
_SIDES = {"attention": (1 + 3) + (1 + 1), "mlp": (1 + 4) + (4 + 1)}
_WEIGHTS = {"attention": 3 + 1, "mlp": 4 + 4}


@dataclass(frozen=True)
class TrainedSizes:
    """Bytes in fp32.

    model     a model file: the GPT and the HiFi-GAN
    trained   what has gradients and moments
    extra     what a checkpoint holds beside the GPT and moments: adapters, and the weights that they add to
    """

    model: int
    trained: int
    extra: int = 0

    @property
    def gpt(self) -> int:
        """What a model file holds besides the HiFi-GAN."""
        return max(0, self.model - HIFIGAN_BYTES)

    @property
    def checkpoint(self) -> int:
        """About the size of a checkpoint that resumes: the GPT, Adam's two moments of what trains, and the rest."""
        return self.gpt + 2 * self.trained + self.extra


def trained_sizes(model_bytes: int, config: Mapping[str, Any], train: Train) -> TrainedSizes:
    """The sizes for `train`; `model_bytes` is a model file in fp32, `config` the base's config.json.

    Raises UserError for a size in it that is none.
    """
    gpt = max(0, model_bytes - HIFIGAN_BYTES)
    if train == "all":
        return TrainedSizes(model_bytes, gpt)
    layers, width, _ = gpt_sizes(config)
    if isinstance(train, TrainLora):
        targets = set(train.lora.targets)
        adapters = 4 * layers * train.lora.rank * width * sum(_SIDES[target] for target in targets)
        held = 4 * layers * width**2 * sum(_WEIGHTS[target] for target in targets)
        return TrainedSizes(model_bytes, adapters, adapters + min(held, gpt))
    parts = _parts(config, gpt)
    return TrainedSizes(model_bytes, min(gpt, sum(parts[part] for part in set(train))))


def gpt_sizes(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Layers, width and heads of the GPT, from a base's config.json or as XTTS v2 has them.

    Raises UserError for a size that is none.
    """
    return (
        _size(config, "gpt_layers", 30),
        _size(config, "gpt_n_model_channels", 1024),
        _size(config, "gpt_n_heads", 16),
    )


def _parts(config: Mapping[str, Any], gpt: int) -> dict[str, int]:
    """Bytes of each part of a GPT of so many bytes."""
    layers, width, _ = gpt_sizes(config)
    tokens = _size(config, "gpt_number_text_tokens", 6681) + _size(config, "gpt_num_audio_tokens", 1026)
    positions = _size(config, "gpt_max_text_tokens", 402) + _size(config, "gpt_max_audio_tokens", 605)
    parts = {
        "gpt": 4 * layers * (12 * width**2 + 13 * width),
        "heads": 4 * tokens * (width + 1),
        "embeddings": 4 * (tokens + positions) * width,
    }
    return {**parts, "conditioning": max(0, gpt - sum(parts.values()))}


def _size(config: Mapping[str, Any], name: str, default: int) -> int:
    size = config["model_args"].get(name) or default
    if not isinstance(size, int) or size < 1:
        raise UserError(
            f"the base's config.json: model_args.{name}: expected a positive number but got {size!r}; "
            "fetch the base again"
        )
    return size
