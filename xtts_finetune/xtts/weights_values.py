"""Whether a file's weights are what was written, and numbers: their CRC-32, NaN and infinite values. Without torch.

About 1 GB of float32 a second, on one core.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xtts_finetune.xtts.stored_tensors import SIZES, NotRead, StoredTensor
from xtts_finetune.xtts.weights_places import AGAIN, Container, Place, chunks_of

# A number is NaN or infinite when all bits of its exponent are set. They lie in the last byte of a number, without its
# first bit, and go on in the byte before: the bits of both that must be set, and those that are not zero in a NaN.
_EXPONENTS = {
    "float64": (0x7F, 0xF0),
    "float32": (0x7F, 0x80),
    "float16": (0x7C, 0x00),
    "bfloat16": (0x7F, 0x80),
}


@dataclass
class _Count:
    nan: int = 0
    infinite: int = 0
    weights: int = 0
    first: str = ""


def problem_of_values(container: Container, weights: Mapping[str, StoredTensor]) -> str | None:
    """Damage or values that are no numbers among these weights, in one line; None where all is well.

    Values that weights share are read once.
    """
    count = _Count()
    for names in _by_storage(weights):
        tensor = weights[names[0]]
        try:
            nan, infinite = _look_at(container, container.places[tensor.storage.key], tensor.dtype)
        except NotRead as error:
            return str(error)
        if nan or infinite:
            count.nan, count.infinite = count.nan + nan, count.infinite + infinite
            count.weights += len(names)
            count.first = count.first or names[0]
    if not count.weights:
        return None
    what = "NaN" if not count.infinite else "infinite values" if not count.nan else "NaN and infinite values"
    return (
        f"it holds {what} in {count.weights:,} of its {len(weights):,} weights ({count.nan + count.infinite:,} "
        f"values), first in {count.first}: it was ruined while training; use an earlier checkpoint"
    )


def _by_storage(weights: Mapping[str, StoredTensor]) -> list[list[str]]:
    found: dict[str, list[str]] = {}
    for name, tensor in weights.items():
        found.setdefault(tensor.storage.key, []).append(name)
    return list(found.values())


def _look_at(container: Container, place: Place, dtype: str) -> tuple[int, int]:
    """How many values are NaN and infinite. Raises NotRead where the values are damaged or cut off."""
    sum_of_bytes, nan, infinite = 0, 0, 0
    look = _looker(dtype)
    for chunk in chunks_of(container, place):
        if place.crc32 is not None:
            sum_of_bytes = zlib.crc32(chunk, sum_of_bytes)
        if look is not None:
            found = look(chunk)
            nan, infinite = nan + found[0], infinite + found[1]
    if place.crc32 is not None and sum_of_bytes != place.crc32:
        raise NotRead(f"this file is damaged (its part {place.part} has another CRC-32); {AGAIN}")
    return nan, infinite


def _looker(dtype: str) -> Callable[[bytes], tuple[int, int]] | None:
    if dtype not in _EXPONENTS:
        return None
    size, (last, before) = SIZES[dtype], _EXPONENTS[dtype]
    # Bytes that end a number whose exponent may be all ones, and a table that keeps them alone.
    suspects = bytes(byte for byte in range(256) if byte & last == last)
    others = bytes(byte for byte in range(256) if byte & last != last)

    def look(chunk: bytes) -> tuple[int, int]:
        ends = chunk[size - 1 :: size]
        if not any(ends.find(byte) >= 0 for byte in suspects):
            return 0, 0
        return _counted(chunk, size, last, before, ends) if ends.translate(None, others) else (0, 0)

    return look


def _counted(chunk: bytes, size: int, last: int, before: int, ends: bytes) -> tuple[int, int]:
    nan = infinite = 0
    for place, byte in enumerate(ends):
        if byte & last != last:
            continue
        number = chunk[place * size : place * size + size]
        if number[-2] & before != before:
            continue
        # What is left of the number beneath its exponent: nothing in an infinite one.
        rest = (
            (number[-1] & ~last & 0x7F)
            | (number[-2] & ~before & 0xFF)
            | int.from_bytes(number[:-2], "little")
        )
        nan, infinite = nan + (rest > 0), infinite + (rest == 0)
    return nan, infinite
