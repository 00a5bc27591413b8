"""Whether a file's weights are what was written, and numbers in float32: their CRC-32, NaN, infinite values, zeros.

Without torch; about 1 GB of float32 a second, on one core.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xtts_finetune.xtts.weights.stored_tensors import AGAIN, SIZES, Container, NotRead, Place, StoredTensor, chunks_of

# As whole numbers, and without their sign: the first number that is infinite in float32, and infinity itself. Beyond
# that stand what is NaN. A model is float32, whatever its file is: only of float64 do the two differ.
_INFINITE = {
    "float64": (0x47EF_FFFF_F000_0000, 0x7FF0_0000_0000_0000),
    "float32": (0x7F80_0000, 0x7F80_0000),
    "float16": (0x7C00, 0x7C00),
    "bfloat16": (0x7F80, 0x7F80),
}
# No model was ever whole with nothing but zeros in one of these.
_NEVER_ZERO = tuple(f"gpt.{name}.weight" for name in ("text_embedding", "mel_embedding", "text_head", "mel_head"))
_USE_AN_EARLIER = "it was ruined while training; use an earlier checkpoint"
FETCH_AGAIN = "fetch it again with the rest of its release"


@dataclass(frozen=True)
class _Found:
    """How many values are NaN, infinite, and too large for float32."""

    nan: int = 0
    infinite: int = 0
    too_large: int = 0

    def __add__(self, other: _Found) -> _Found:
        return _Found(self.nan + other.nan, self.infinite + other.infinite, self.too_large + other.too_large)

    @property
    def values(self) -> int:
        return self.nan + self.infinite + self.too_large

    @property
    def in_words(self) -> str:
        kinds = {
            "NaN": self.nan,
            "infinite values": self.infinite,
            "values too large for float32": self.too_large,
        }
        return " and ".join(kind for kind, count in kinds.items() if count)


def problem_of_values(container: Container, weights: Mapping[str, StoredTensor], of_base: bool = False) -> str | None:
    """Damage among these weights, values that are no numbers in float32, or a GPT's part of zeros alone, in one line;
    None where all is well.

    Values that weights share are read once. `of_base`: it is one of a base's files, which nobody trained.
    """
    count, ruined, first = _Found(), 0, ""
    for names in _by_storage(weights):
        tensor = weights[names[0]]
        try:
            found = _look_at(container, container.places[tensor.storage.key], tensor.dtype)
        except NotRead as error:
            return str(error)
        if found.values:
            count, ruined, first = count + found, ruined + len(names), first or names[0]
    values = f"{count.values:,} value{'' if count.values == 1 else 's'}"
    if not ruined:
        return _of_zeros(container, weights, of_base)
    if of_base:
        return f"it holds {count.in_words} ({values}{f', first in {first}' if first else ''}); {FETCH_AGAIN}"
    return (
        f"it holds {count.in_words} in {ruined:,} of its {len(weights):,} weights ({values}), first in {first}: "
        f"{_USE_AN_EARLIER}"
    )


def numbers_of(container: Container, tensor: StoredTensor) -> list[float]:
    """The values of a small tensor of one dimension, as Python's numbers. Raises NotRead where they are damaged."""
    content = b"".join(chunks_of(container, container.places[tensor.storage.key]))
    size, letter = SIZES[tensor.dtype], {"float64": "d", "float16": "e"}.get(tensor.dtype, "f")
    numbers = []
    for place in range(tensor.shape[0]):
        start = (tensor.offset + place * tensor.stride[0]) * size
        number = content[start : start + size]
        numbers.append(
            float(struct.unpack(f"<{letter}", bytes(2) + number if tensor.dtype == "bfloat16" else number)[0])
        )
    return numbers


def _of_zeros(container: Container, weights: Mapping[str, StoredTensor], of_base: bool) -> str | None:
    cure = FETCH_AGAIN if of_base else "use another checkpoint"
    for name in _NEVER_ZERO:
        if name in weights and weights[name].numel and _is_zero(container, weights[name]):
            return f"its {name} is all zeros: it was never written whole; {cure}"
    return None


def _is_zero(container: Container, tensor: StoredTensor) -> bool:
    """Whether a tensor has zeros alone, be they negative ones; of any other, little is read."""
    size = SIZES[tensor.dtype]
    start = tensor.offset * size
    reach = 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride, strict=True))
    end, at = start + reach * size, 0
    for chunk in chunks_of(container, container.places[tensor.storage.key]):
        if at >= end:
            break
        if chunk[max(0, start - at) : end - at].strip(b"\0\x80"):
            return False
        at += len(chunk)
    return True


def _by_storage(weights: Mapping[str, StoredTensor]) -> list[list[str]]:
    found: dict[str, list[str]] = {}
    for name, tensor in weights.items():
        found.setdefault(tensor.storage.key, []).append(name)
    return list(found.values())


def _look_at(container: Container, place: Place, dtype: str) -> _Found:
    """What is no number in float32. Raises NotRead where the values are damaged or cut off."""
    sum_of_bytes, found = 0, _Found()
    look = _looker(dtype)
    for chunk in chunks_of(container, place):
        if place.crc32 is not None:
            sum_of_bytes = zlib.crc32(chunk, sum_of_bytes)
        if look is not None:
            found += look(chunk)
    if place.crc32 is not None and sum_of_bytes != place.crc32:
        raise NotRead(f"this file is damaged (its part {place.part} has another CRC-32); {AGAIN}")
    return found


def _looker(dtype: str) -> Callable[[bytes], _Found] | None:
    if dtype not in _INFINITE:
        return None
    size = SIZES[dtype]
    first = _INFINITE[dtype][0] >> 8 * (size - 1)
    # The last byte of a number has its sign and most of its exponent: those that none of the wanted has.
    others = bytes(byte for byte in range(256) if byte & 0x7F < first)

    def look(chunk: bytes) -> _Found:
        ends = chunk[size - 1 :: size]
        return _counted(chunk, dtype, first, ends) if ends.translate(None, others) else _Found()

    return look


def _counted(chunk: bytes, dtype: str, first: int, ends: bytes) -> _Found:
    nan = infinite = too_large = 0
    size, (beyond, infinity) = SIZES[dtype], _INFINITE[dtype]
    without_sign = (1 << 8 * size - 1) - 1
    for place, byte in enumerate(ends):
        if byte & 0x7F < first:
            continue
        number = int.from_bytes(chunk[place * size : place * size + size], "little") & without_sign
        nan += number > infinity
        infinite += number == infinity
        too_large += beyond <= number < infinity
    return _Found(nan, infinite, too_large)
