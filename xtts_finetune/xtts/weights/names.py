"""The names of XTTS's weights, whatever wrote the file: wrappers around the model are seen through. Without torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

Value = TypeVar("Value")

# What trainers, compilers and other programs wrap a model, or a part of it, in. No weight of XTTS itself has such a
# part in its name.
WRAPPERS = frozenset(
    {
        "module",
        "model",
        "xtts",
        "_orig_mod",
        "_forward_module",
        "_fsdp_wrapped_module",
        "_checkpoint_wrapped_module",
        "_modules",
        "_parameters",
        "_buffers",
    }
)
# Each tells where a GPT of XTTS's kind begins: what stands before it is the way to the GPT.
_OF_ANY_GPT = ("mel_embedding", "mel_head")
_OF_A_NAMED_GPT = ("text_embedding", "text_head", "final_norm", "conditioning_encoder")
# The model's parts, and what is left out of them: the second copy of the GPT that inference makes, and the masks that
# older releases of transformers saved.
_PARTS = ("gpt.", "hifigan_decoder.")
_COPIES = ("gpt.gpt_inference.", "gpt.gpt.wte.")
_MASKS = re.compile(r"gpt\.gpt\.h\.\d+\.attn\.(bias|masked_bias)")
_DEEPEST, _MOST = 32, 1_000_000


def flatten(
    tree: object,
    is_weight: Callable[[object], bool],
    opened: Callable[[object], object] = lambda branch: branch,
) -> dict[str, Any]:
    """All weights of nested dictionaries, under the keys that lead to each, joined by dots.

    Only what is under strings counts; an optimizer numbers what it keeps. `opened` makes a dictionary of what can be
    looked into like one. Raises ValueError for a tree that no program makes: very deep, or referring to itself.
    """
    found: dict[str, Any] = {}
    waiting: list[tuple[str, object, int]] = [("", tree, 0)]
    looked_at = 0
    while waiting:
        prefix, branch, depth = waiting.pop()
        looked_at += 1
        if depth > _DEEPEST or looked_at > _MOST:
            raise ValueError("its dictionaries are nested without an end")
        if is_weight(branch):
            found[prefix.removesuffix(".")] = branch
            continue
        branch = opened(branch)
        if isinstance(branch, Mapping):
            waiting += [
                (f"{prefix}{key}.", value, depth + 1)
                for key, value in reversed(list(branch.items()))
                if isinstance(key, str)
            ]
    return found


def coqui_names(names: Iterable[str]) -> dict[str, str]:
    """The model's weights: the name that Coqui's `Xtts` has for each, and that in the file.

    Parts of names that are wrappers are dropped. Then the way to the GPT, which its embeddings show, is dropped from
    all names that begin with it: 'state_dict.net.gpt.mel_head.weight' leads to 'gpt.mel_head.weight', and a GPT alone,
    'mel_head.weight', gets its 'gpt.' back. Of two copies the one that is no average ('ema') counts. What does not
    belong to the model (an optimizer, a DVAE, inference's copies) is left out.
    """
    plain: dict[tuple[str, ...], str] = {}
    for name in names:
        parts = tuple(part for part in name.split(".") if part not in WRAPPERS)
        if parts not in plain or len(name) < len(plain[parts]):
            plain[parts] = name
    way, named = _way_to_the_gpt(plain)
    found = {}
    for parts, name in plain.items():
        if parts[: len(way)] != way:
            continue
        own = ".".join(parts[len(way) :])
        if not named and not own.startswith(_PARTS[1:]) and own != "mel_stats":
            own = f"gpt.{own}"
        if _of_the_model(own):
            found[own] = name
    return found


def under_coquis_names(weights: Mapping[str, Value]) -> dict[str, Value]:
    """The model's weights under the names of Coqui's `Xtts` (see `coqui_names`)."""
    return {own: weights[name] for own, name in coqui_names(weights).items()}


def _of_the_model(name: str) -> bool:
    if name == "mel_stats":
        return True
    return name.startswith(_PARTS) and not name.startswith(_COPIES) and _MASKS.fullmatch(name) is None


def _way_to_the_gpt(names: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], bool]:
    """What stands before the model's parts, and whether the GPT is named 'gpt' there."""
    ways = set()
    for parts in names:
        for place, part in enumerate(parts):
            before = parts[:place]
            alone = part in _OF_ANY_GPT and parts[place + 1 :] in (("weight",), ("bias",))
            if alone or (part in _OF_A_NAMED_GPT and before[-1:] == ("gpt",)):
                ways.add(before)
    if not ways:
        return (), True
    way = min(ways, key=lambda way: (any("ema" in part.lower() for part in way), len(way), way))
    return (way[:-1], True) if way[-1:] == ("gpt",) else (way, False)
