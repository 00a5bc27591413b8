"""What of the GPT trains: all of it, some parts, or low-rank adapters on its transformer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from xtts_finetune.spec.train import LoraSpec, Train, TrainLora
from xtts_finetune.xtts.state import StateDict

# How the names of a part's parameters begin in Coqui's GPT.
PARTS: dict[str, tuple[str, ...]] = {
    "gpt": ("gpt.",),  # the transformer with its norms
    "heads": ("text_head.", "mel_head.", "final_norm."),
    "embeddings": ("text_embedding.", "mel_embedding.", "text_pos_embedding.", "mel_pos_embedding."),
    "conditioning": ("conditioning_encoder.", "conditioning_perceiver."),
}

# The linear layers of a block of the transformer.
LAYERS: dict[str, tuple[str, ...]] = {
    "attention": (r"attn\.c_attn", r"attn\.c_proj"),
    "mlp": (r"mlp\.c_fc", r"mlp\.c_proj"),
}

# peft's names inside an adapted layer: the layer itself, and the two small matrices.
_BASE, _ADAPTER, _NAME = ".base_layer.", ".lora_", "default"


def make_trainable(gpt: Any, train: Train, seed: int) -> None:
    """Let nothing of Coqui's GPT train but what `train` names; adapters are put in, from `seed`."""
    if isinstance(train, TrainLora):
        _put_adapters(gpt, train.lora, seed)
    for name, parameter in gpt.named_parameters():
        if isinstance(train, TrainLora):
            parameter.requires_grad_(_ADAPTER in name)
        else:
            parts = PARTS if train == "all" else train
            parameter.requires_grad_(any(name.startswith(PARTS[part]) for part in parts))


def merged_weights(model: nn.Module) -> StateDict:
    """The weights of a model under their names without adapters, what these add included.

    A weight that has an adapter is a new tensor, on the CPU; all others are the model's own.
    """
    modules: dict[str, Any] = dict(model.named_modules())
    weights: StateDict = {}
    for key, value in model.state_dict().items():
        layer, _, name = key.partition(_BASE)
        if name == "weight":
            value = (value + modules[layer].get_delta_weight(_NAME)).detach().cpu()
        if _ADAPTER not in key:
            weights[f"{layer}.{name}" if name else key] = value
    return weights


def adapter_weights(model: nn.Module) -> StateDict:
    """What the merged weights cannot tell: the adapters, and the weights that they add to; empty without any."""
    return {
        key: value for key, value in model.state_dict().items() if _ADAPTER in key or key.endswith(f"{_BASE}weight")
    }


def load_with_adapters(model: nn.Module, weights: StateDict, adapters: StateDict) -> None:
    """Put back what `merged_weights` and `adapter_weights` gave, bit for bit."""
    state = {key: adapters[key] if key in adapters else weights[_plain(key)] for key in model.state_dict()}
    model.load_state_dict(state)


@contextlib.contextmanager
def adapters_off(gpt: Any) -> Iterator[None]:
    """Inside, the GPT computes as if it had no adapters."""
    from peft.tuners.tuners_utils import BaseTunerLayer  # noqa: PLC0415  (only where there are adapters)

    layers = [module for module in gpt.modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        layer._disable_adapters = True  # `enable_adapters` would also change what trains
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def _plain(key: str) -> str:
    return key.replace(_BASE, ".")


def _put_adapters(gpt: Any, lora: LoraSpec, seed: int) -> None:
    """Adapters in place of the transformer's layers, which they hold; they add nothing until they are trained."""
    from peft import LoraConfig, inject_adapter_in_model  # noqa: PLC0415  (seconds that other phases need not pay)

    layers = "|".join(layer for target in sorted(set(lora.targets)) for layer in LAYERS[target])
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=rf"h\.\d+\.({layers})",
        fan_in_fan_out=True,  # GPT-2's Conv1D has its weights transposed
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, gpt.gpt, adapter_name=_NAME)
