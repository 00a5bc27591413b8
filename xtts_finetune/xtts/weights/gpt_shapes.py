"""The names and sizes of all weights of an XTTS model, as its config.json and its number of text tokens make them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import CONDITIONING_TOKENS, MEL_CHANNELS, V2_SIZES

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

_ENCODER_BLOCKS, _PERCEIVER_LAYERS, _HEADS_WIDTH = 6, 2, 512
_PROMPT_POSITIONS = 24 * 9  # of XTTS v1
# The speaker encoder's residual blocks in each of its layers, and the up-sampling layers and kernels of the HiFi-GAN.
_BLOCKS, _UPS, _KERNELS = (3, 4, 6, 3), 4, 3


@dataclass(frozen=True)
class GptSizes:
    """What decides on the sizes of all weights of the GPT. Positions count start and stop tokens."""

    layers: int
    width: int
    text_tokens: int
    audio_tokens: int
    text_positions: int
    audio_positions: int
    perceiver: bool


def sizes_of_config(config: Mapping[str, Any], text_tokens: int) -> GptSizes:
    """The sizes that Coqui's code gives a model of this config.json; what it does not name has Coqui's defaults.

    Raises UserError for a value that is not a size.
    """

    def size(name: str, default: int) -> int:
        value = config["model_args"].get(name)
        if value is None:
            return default
        if type(value) is not int or value < 1:
            raise UserError(
                f"config.json: model_args.{name}: expected a positive number but got {value!r}; fetch the base again"
            )
        return value

    return GptSizes(
        layers=size("gpt_layers", V2_SIZES["gpt_layers"]),
        width=size("gpt_n_model_channels", V2_SIZES["gpt_n_model_channels"]),
        text_tokens=text_tokens,
        audio_tokens=size("gpt_num_audio_tokens", 8194),
        text_positions=size("gpt_max_text_tokens", V2_SIZES["gpt_max_text_tokens"]) + 2,
        audio_positions=size("gpt_max_audio_tokens", V2_SIZES["gpt_max_audio_tokens"]) + 3,
        perceiver=bool(config["model_args"].get("gpt_use_perceiver_resampler", False)),
    )


def sizes_of_shapes(shapes: Shapes) -> dict[str, Any]:
    """The sizes, by their names in `GptSizes`, as far as these weights tell them."""
    layers = {int(name.split(".")[3]) for name in shapes if _of_a_layer(name)}
    found: dict[str, Any] = {
        "layers": max(layers) + 1 if layers else None,
        "perceiver": any(name.startswith("gpt.conditioning_perceiver.") for name in shapes),
    }
    for name, key in _ROWS.items():
        if len(shapes.get(key, ())) == 2:
            found[name] = shapes[key][0]
            found.setdefault("width", shapes[key][1])
    return {field.name: found.get(field.name) for field in fields(GptSizes)}


def layer_of(name: str) -> int | None:
    """The number of the layer that a weight is of; None for one outside of the layers."""
    return int(name.split(".")[3]) if _of_a_layer(name) else None


def gpt_shapes(sizes: GptSizes) -> dict[str, Shape]:
    """All weights of the GPT."""
    width = sizes.width
    shapes: dict[str, Shape] = {"conditioning_encoder.init.weight": (width, MEL_CHANNELS, 1)}
    shapes["conditioning_encoder.init.bias"] = (width,)
    for number in range(_ENCODER_BLOCKS):
        block = f"conditioning_encoder.attn.{number}."
        shapes |= _affine(f"{block}norm.", (width,))
        shapes |= {f"{block}qkv.weight": (3 * width, width, 1), f"{block}qkv.bias": (3 * width,)}
        shapes |= {f"{block}proj_out.weight": (width, width, 1), f"{block}proj_out.bias": (width,)}
    shapes["text_embedding.weight"] = (sizes.text_tokens, width)
    shapes["mel_embedding.weight"] = (sizes.audio_tokens, width)
    for number in range(sizes.layers):
        layer = f"gpt.h.{number}."
        for name, (rows, columns) in _LAYER.items():
            shapes |= {f"{layer}{name}.weight": (rows * width, columns * width)}
            shapes |= {f"{layer}{name}.bias": (columns * width,)}
        shapes |= {**_affine(f"{layer}ln_1.", (width,)), **_affine(f"{layer}ln_2.", (width,))}
    shapes |= {**_affine("gpt.ln_f.", (width,)), **_affine("final_norm.", (width,))}
    shapes["mel_pos_embedding.emb.weight"] = (sizes.audio_positions, width)
    shapes["text_pos_embedding.emb.weight"] = (sizes.text_positions, width)
    for head, tokens in (("text_head", sizes.text_tokens), ("mel_head", sizes.audio_tokens)):
        shapes |= {f"{head}.weight": (tokens, width), f"{head}.bias": (tokens,)}
    shapes |= _perceiver(width) if sizes.perceiver else _prompt(sizes)
    return {f"gpt.{name}": shape for name, shape in shapes.items()}


def hifigan_names() -> frozenset[str]:
    """The names of all weights of the HiFi-GAN and its speaker encoder that a model file must have."""
    names = ["conv_pre.weight", "conv_pre.bias", "cond_layer.weight", "cond_layer.bias", "conv_post.weight"]
    normed = [f"ups.{number}" for number in range(_UPS)]
    for block in range(_UPS * _KERNELS):
        normed += [f"resblocks.{block}.convs{half}.{conv}" for half in (1, 2) for conv in range(3)]
    for name in normed:
        names += [f"{name}.bias"] + [f"{name}.parametrizations.weight.original{half}" for half in (0, 1)]
    for number in range(_UPS):
        names += [f"conds.{number}.weight", f"conds.{number}.bias"]
    return frozenset([f"hifigan_decoder.waveform_decoder.{name}" for name in names] + _speaker_encoder())


_ROWS = {
    "text_tokens": "gpt.text_embedding.weight",
    "audio_tokens": "gpt.mel_embedding.weight",
    "text_positions": "gpt.text_pos_embedding.emb.weight",
    "audio_positions": "gpt.mel_pos_embedding.emb.weight",
}
# Rows and columns of a layer's matrices, in widths of the model.
_LAYER = {"attn.c_attn": (1, 3), "attn.c_proj": (1, 1), "mlp.c_fc": (1, 4), "mlp.c_proj": (4, 1)}


def _of_a_layer(name: str) -> bool:
    parts = name.split(".")
    return parts[:3] == ["gpt", "gpt", "h"] and len(parts) > 4 and parts[3].isdigit() and len(parts[3]) < 6


def _affine(prefix: str, shape: Shape) -> dict[str, Shape]:
    return {f"{prefix}weight": shape, f"{prefix}bias": shape}


def _perceiver(width: int) -> dict[str, Shape]:
    inner = int(width * 4 * 2 / 3)
    shapes: dict[str, Shape] = {"latents": (CONDITIONING_TOKENS, width), "norm.gamma": (width,)}
    for number in range(_PERCEIVER_LAYERS):
        shapes[f"layers.{number}.0.to_q.weight"] = (_HEADS_WIDTH, width)
        shapes[f"layers.{number}.0.to_kv.weight"] = (2 * _HEADS_WIDTH, width)
        shapes[f"layers.{number}.0.to_out.weight"] = (width, _HEADS_WIDTH)
        shapes[f"layers.{number}.1.0.weight"] = (2 * inner, width)
        shapes[f"layers.{number}.1.0.bias"] = (2 * inner,)
        shapes[f"layers.{number}.1.2.weight"] = (width, inner)
        shapes[f"layers.{number}.1.2.bias"] = (width,)
    return {f"conditioning_perceiver.{name}": shape for name, shape in shapes.items()}


def _prompt(sizes: GptSizes) -> dict[str, Shape]:
    return {
        "prompt_embedding.weight": (sizes.audio_tokens, sizes.width),
        "prompt_pos_embedding.emb.weight": (_PROMPT_POSITIONS, sizes.width),
    }


def _speaker_encoder() -> list[str]:
    names = ["conv1.weight", "conv1.bias", *_norm("bn1")]
    for layer, blocks in enumerate(_BLOCKS, start=1):
        for block in range(blocks):
            own = f"layer{layer}.{block}"
            names += [
                f"{own}.conv1.weight",
                f"{own}.conv2.weight",
                *_norm(f"{own}.bn1"),
                *_norm(f"{own}.bn2"),
            ]
            names += [f"{own}.se.fc.{part}.{kind}" for part in (0, 2) for kind in ("weight", "bias")]
        if layer > 1:
            names += [f"layer{layer}.0.downsample.0.weight", *_norm(f"layer{layer}.0.downsample.1")]
    for part in ("attention.0", "attention.3", "fc"):
        names += [f"{part}.weight", f"{part}.bias"]
    names += _norm("attention.2")
    return [f"hifigan_decoder.speaker_encoder.{name}" for name in names]


def _norm(name: str) -> list[str]:
    return [f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
