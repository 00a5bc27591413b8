"""What the base's dvae.pth and mel_stats.pth must be. Without torch."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xtts_finetune.xtts.weights.form import FLOATS
from xtts_finetune.xtts.weights.gpt_shapes import MEL_CHANNELS
from xtts_finetune.xtts.weights.places import Container
from xtts_finetune.xtts.weights.stored_tensors import NotRead, StoredTensor
from xtts_finetune.xtts.weights.values import FETCH_AGAIN as AGAIN
from xtts_finetune.xtts.weights.values import numbers_of

_CODEBOOK, _FIRST = "codebook.embed", "encoder.0.0.weight"
_SMALLEST = 1e-30  # of a norm; below it float32 has no more than zero, or nearly so
_SPECIAL_TOKENS = 2  # of the audio tokens, those that are no codes: start and stop


def problem_of_dvae(tensors: Mapping[str, StoredTensor], audio_tokens: int) -> str | None:
    """Why these weights are not the DVAE of a base with so many audio tokens; None where they are."""
    if _CODEBOOK not in tensors or _FIRST not in tensors:
        return f"this is not a DVAE that fits XTTS; {AGAIN}"
    if missing := [name for name in _names(tensors) if name not in tensors]:
        return f"this DVAE lacks {missing[0]}; {AGAIN}"
    codes, channels = tensors[_CODEBOOK].shape[-1], tensors[_FIRST].shape[1:2]
    if channels != (MEL_CHANNELS,):
        return f"this DVAE is for mels of {channels} channels, XTTS has {MEL_CHANNELS}; {AGAIN}"
    if codes != audio_tokens - _SPECIAL_TOKENS:
        return (
            f"this DVAE has {codes:,} codes; config.json has {audio_tokens:,} audio tokens, "
            f"{audio_tokens - _SPECIAL_TOKENS:,} of them codes; {AGAIN}"
        )
    return None


def problem_of_mel_stats(tensors: Mapping[str, StoredTensor]) -> str | None:
    """Why this is not the file of mel norms; None where it is."""
    (name, tensor), *more = tensors.items() if tensors else [("", None)]
    if more or name or tensor is None or tensor.shape != (MEL_CHANNELS,) or tensor.dtype not in FLOATS:
        return f"this is not one row of {MEL_CHANNELS} numbers, as mel_stats.pth is; {AGAIN}"
    return None


def problem_of_divisors(container: Container, tensor: StoredTensor) -> str | None:
    """Why mels cannot be divided by these norms, which are numbers; None where they can."""
    try:
        numbers = numbers_of(container, tensor)
    except NotRead as error:
        return str(error)
    zeros = sum(abs(number) < _SMALLEST for number in numbers)
    if not zeros:
        return None
    which = "all" if zeros == len(numbers) else f"{zeros} of"
    return f"{which} its {len(numbers)} numbers are zero, and mels are divided by them; {AGAIN}"


def _names(tensors: Mapping[str, StoredTensor]) -> list[str]:
    """All weights of a DVAE with as many layers and blocks as this one shows."""

    def numbers(pattern: str) -> int:
        return len({found.group(1) for name in tensors if (found := re.match(pattern, name))})

    layers = max(numbers(r"encoder\.(\d+)\.0\.weight"), numbers(r"decoder\.(\d+)\.0\.conv\.weight"))
    blocks = max(numbers(r"encoder\.(\d+)\.net\."), numbers(r"decoder\.(\d+)\.net\."))
    parts = [f"encoder.{number}.0" for number in range(layers)]
    parts += [f"encoder.{layers + number}.net.{part}" for number in range(blocks) for part in (0, 2, 4)]
    parts += [f"encoder.{layers + blocks}", "decoder.0"]
    parts += [f"decoder.{1 + number}.net.{part}" for number in range(blocks) for part in (0, 2, 4)]
    parts += [f"decoder.{1 + blocks + number}.0.conv" for number in range(layers)]
    parts += [f"decoder.{1 + blocks + layers}"]
    return [f"{part}.{kind}" for part in parts for kind in ("weight", "bias")]
