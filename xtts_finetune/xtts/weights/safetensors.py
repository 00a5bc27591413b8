"""The table of contents of a safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from xtts_finetune.xtts.weights.stored_tensors import (
    AGAIN,
    LONGEST_TABLE,
    SIZES,
    Container,
    NotRead,
    Place,
    Storage,
    StoredTensor,
    not_whole,
)

_SAFETENSORS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "U16": "uint16", "U32": "uint32", "U64": "uint64",
}  # fmt: skip


def of_safetensors(path: Path, file: BinaryIO) -> Container:
    """The file's content. Raises NotRead with the reason when it is damaged or not whole."""
    file.seek(0)
    size = path.stat().st_size
    length = int.from_bytes(file.read(8), "little")
    if length > LONGEST_TABLE:
        raise NotRead("this is not a file of weights; name a .pth or .safetensors file")
    if length + 8 > size:
        raise NotRead(not_whole(path))
    try:
        table = json.loads(file.read(length))
        tree = {str(name): _of_table(str(name), entry) for name, entry in table.items() if name != "__metadata__"}
        places = {
            str(name): Place(8 + length + int(entry["data_offsets"][0]), tree[str(name)].bytes)
            for name, entry in table.items()
            if name != "__metadata__"
        }
    except NotRead:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NotRead(f"the table of contents of this safetensors file is damaged; {AGAIN}") from None
    if any(place.start is None or place.start < 8 for place in places.values()):
        raise NotRead(f"the table of contents of this safetensors file is damaged; {AGAIN}")
    if any((place.start or 0) + place.size > size for place in places.values()):
        raise NotRead(not_whole(path))
    return Container(path, "safetensors", tree, places)


def _of_table(name: str, entry: Mapping[str, object]) -> StoredTensor:
    """A line of safetensors' table."""
    dtype = _SAFETENSORS.get(str(entry["dtype"]), "float8_e5m2")  # the others are as small, and weights as little
    shape, ends = entry["shape"], entry["data_offsets"]
    if not isinstance(shape, list) or not isinstance(ends, list) or len(shape) > 16:
        raise ValueError
    if not all(type(number) is int and 0 <= number < 1 << 48 for number in [*shape, *ends]):
        raise ValueError
    stride: list[int] = []
    step = 1
    for size in reversed(shape):
        stride.insert(0, step)
        step *= size
    if entry["dtype"] in _SAFETENSORS and step * SIZES[dtype] != ends[1] - ends[0]:
        raise ValueError
    return StoredTensor(dtype, tuple(shape), tuple(stride), 0, Storage(name, dtype, step))
