"""Whether weights have the form of a base's model: names, sizes and types, and in words what they have instead.

One wording for all: the checks before a run, loading a model and averaging several. Without torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xtts_finetune.numbers.fixed import V2_SIZES
from xtts_finetune.xtts.base import BaseFiles, read_config
from xtts_finetune.xtts.weights.gpt_shapes import (
    GptSizes,
    Shape,
    gpt_shapes,
    hifigan_names,
    layer_of,
    sizes_of_config,
    sizes_of_shapes,
)
from xtts_finetune.xtts.weights.vocabulary_file import read_vocabulary

FLOATS = ("float64", "float32", "float16", "bfloat16")
_V2_AUDIO_TOKENS = V2_SIZES["gpt_num_audio_tokens"]
_V1_AUDIO_TOKENS = 8194
_HIFIGAN = "hifigan_decoder."
_OLD_NORMS = {
    ".weight_g": ".parametrizations.weight.original0",
    ".weight_v": ".parametrizations.weight.original1",
}
# A HiFi-GAN's constants, which a file may leave out.
_CONSTANTS = ("num_batches_tracked", "torch_spec.")
_FROM_THE_BASE = "use a checkpoint that was trained from this base"
# The sizes of a GPT (see `GptSizes`), in words.
_SIZES_IN_WORDS = {
    "layers": "layers",
    "width": "channels",
    "text_tokens": "text tokens",
    "audio_tokens": "audio tokens",
    "text_positions": "positions of text",
    "audio_positions": "positions of sound",
}


def problem_of_shapes(
    shapes: Mapping[str, Shape], dtypes: Mapping[str, str], base: BaseFiles, of_base: bool = False
) -> str | None:
    """What keeps weights of these names, sizes and types from being a model of the base; None for nothing.

    `of_base`: the weights are the base's own, so its config.json is as likely to be the wrong file.
    """
    config, vocabulary = read_config(base), read_vocabulary(base.vocab)
    wanted = sizes_of_config(config, vocabulary.tokens)
    found = sizes_of_shapes(shapes)
    if any(".lora_" in name for name in shapes):
        return (
            "it holds LoRA adapters in addition to the weights that they add to; merge them first "
            "(peft: merge_and_unload), and save the model again"
        )
    problem = _other_version(found, wanted, shapes, of_base) or _other_sizes(found, wanted, of_base)
    problem = problem or _other_weights(shapes, gpt_shapes(wanted), wanted)
    return problem or _no_floats(dtypes) or _hifigan(shapes, config)


def difference(one: Mapping[str, Shape], other: Mapping[str, Shape]) -> str | None:
    """How the weights `one` differ in their sizes from the weights `other`, in words; None where they do not."""
    mine, theirs = sizes_of_shapes(one), sizes_of_shapes(other)
    for name, words in _SIZES_IN_WORDS.items():
        if mine[name] != theirs[name] and None not in (mine[name], theirs[name]):
            return f"{_number(mine[name])} {words}, not {_number(theirs[name])}"
    if different := sorted(one.keys() ^ other.keys()):
        return f"{different[0]} is in one of them alone"
    different = sorted(name for name in one if one[name] != other[name])
    return f"{different[0]} is {_shape(one[different[0]])}, not {_shape(other[different[0]])}" if different else None


def may_be_missing(name: str) -> bool:
    """Whether a model is whole without this weight: it is a constant that the model makes itself."""
    return name.startswith(_HIFIGAN) and any(constant in name for constant in _CONSTANTS)


def _other_version(
    found: Mapping[str, Any], wanted: GptSizes, shapes: Mapping[str, Shape], of_base: bool
) -> str | None:
    """Weights of XTTS v1 and a base of v2, or the other way round: they differ in how the voice is told to the GPT."""
    if found["perceiver"] == wanted.perceiver:
        return None
    prompt = "gpt.prompt_embedding.weight" in shapes
    if not prompt and not found["perceiver"]:
        if found["audio_tokens"] != _V1_AUDIO_TOKENS and wanted.perceiver:
            return None  # it lacks its perceiver, and the missing weights tell so
        return "this looks like the GPT of a Tortoise model; name the checkpoint of an XTTS model"
    which = "v2" if found["perceiver"] else "v1.1" if any(n.startswith(_HIFIGAN) for n in shapes) else "v1 or v1.1"
    base = "config.json is of" if of_base else "this base is"
    return (
        f"these are weights of XTTS {which} ({_number(found['audio_tokens'])} audio tokens, "
        f"{'a' if found['perceiver'] else 'no'} perceiver); {base} XTTS {'v2' if wanted.perceiver else 'v1'} "
        f"({_number(wanted.audio_tokens)} audio tokens, {'a' if wanted.perceiver else 'no'} perceiver); "
        + ("fetch all five files of one release" if of_base else _FROM_THE_BASE)
    )


def _other_sizes(found: Mapping[str, Any], wanted: GptSizes, of_base: bool) -> str | None:
    whose = "config.json says" if of_base else "the base has"
    cure = "fetch all five files of one release" if of_base else _FROM_THE_BASE
    layers, width = found["layers"], found["width"]
    if (layers, width) != (wanted.layers, wanted.width) and layers is not None and width is not None:
        return (
            f"it has {_count(layers, 'layer')} of width {_number(width)}; {whose} {_number(wanted.layers)} of "
            f"{_number(wanted.width)}; {cure}"
        )
    rows = found["text_tokens"]
    if rows not in (None, wanted.text_tokens):
        return (
            f"it has rows for {_number(rows)} text tokens; the base's vocab.json has {_number(wanted.text_tokens)}: "
            + (
                "fetch both files of one release"
                if of_base
                else "it was trained with another vocabulary; use the base that it was trained from, "
                "with the vocab.json that it was trained with"
            )
        )
    for name, words in _SIZES_IN_WORDS.items():
        if name != "text_tokens" and found[name] not in (None, getattr(wanted, name)):
            wants = f"{whose} {_number(getattr(wanted, name))}"
            if name == "audio_tokens" and wanted.audio_tokens == _V2_AUDIO_TOKENS:
                wants += ", as XTTS v2 has: it is of another version (v1 or v1.1, say) or of other codes"
            return f"it has {_number(found[name])} {words}; {wants}; {cure}"
    return None


def _other_weights(shapes: Mapping[str, Shape], wanted: Mapping[str, Shape], sizes: GptSizes) -> str | None:
    missing = [name for name in wanted if name not in shapes]
    if missing:
        return _missing(missing, sizes)
    unknown = [name for name in shapes if name.startswith("gpt.") and name not in wanted]
    if unknown:
        return f"it has {_several(unknown)}, which the base's GPT does not have; {_FROM_THE_BASE}"
    for name, shape in wanted.items():
        if shapes[name] != shape:
            return f"its {name} is {_shape(shapes[name])}; the base's is {_shape(shape)}; {_FROM_THE_BASE}"
    return None


def _missing(missing: Sequence[str], sizes: GptSizes) -> str:
    layers = sorted({layer for name in missing if (layer := layer_of(name)) is not None})
    whole = all(layer_of(name) is not None for name in missing) and len(missing) == 12 * len(layers)
    cure = "it is only a part of the model; use a whole checkpoint"
    if whole:
        numbers = f"layer {layers[0]}" if len(layers) == 1 else f"{len(layers)} layers, first layer {layers[0]},"
        return f"it lacks {numbers} of the GPT's {sizes.layers} (counted from 0); {cure}"
    return f"it lacks {_several(missing)}; {cure}"


def _no_floats(dtypes: Mapping[str, str]) -> str | None:
    for name, dtype in dtypes.items():
        if dtype not in FLOATS and not name.endswith(_CONSTANTS[0]):
            what, why = _kind_of_number(dtype)
            return (
                f"its weights are {what}, first {name}: {why}; use the file in full or half precision that they were "
                "made from"
            )
    return None


def _kind_of_number(dtype: str) -> tuple[str, str]:
    """What numbers of this type are, which is none of FLOATS, and why they cannot be trained from."""
    if dtype.startswith("complex"):
        return f"complex numbers ({dtype})", "those of XTTS are real numbers"
    if dtype == "bool":
        return "true or false (bool)", "those of XTTS are real numbers"
    what = "8-bit numbers (quantised)" if "8" in dtype else f"whole numbers ({dtype})"
    return what, "they can speak but not be trained further"


def _hifigan(shapes: Mapping[str, Shape], config: Mapping[str, Any]) -> str | None:
    """A HiFi-GAN may be absent, but not there in part."""
    own = {_new_name(name): shape for name, shape in shapes.items() if name.startswith(_HIFIGAN)}
    if not own:
        return None
    if missing := sorted(hifigan_names() - own.keys()):
        return (
            f"its HiFi-GAN is not whole: it lacks {_several(missing)}; use a whole checkpoint, or one without any "
            "HiFi-GAN, which gets the base's"
        )
    given = config["model_args"].get("decoder_input_dim")
    width = V2_SIZES["gpt_n_model_channels"] if given is None else given
    found = own[f"{_HIFIGAN}waveform_decoder.conv_pre.weight"]
    if len(found) != 3 or found[1] != width:
        return f"its HiFi-GAN is for a GPT of width {_shape(found[1:2])}, the base's for {width}; {_FROM_THE_BASE}"
    return None


def _new_name(name: str) -> str:
    """Older releases of torch name the two halves of a normed weight otherwise; both are read."""
    for old, new in _OLD_NORMS.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def _count(number: object, what: str) -> str:
    return f"{_number(number)} {what}" + ("" if number == 1 else "s")


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "an unknown number of"


def _shape(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def _several(names: Sequence[str]) -> str:
    more = len(names) - 1
    return names[0] + (f" and {more:,} more weight{'s' if more > 1 else ''}" if more else "")
