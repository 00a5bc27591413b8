"""What a base's file says, whatever its bytes: other programs write such files anew, with the same in them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import FILE_NAMES, BaseFiles, quick_hash
from xtts_finetune.xtts.weights.containers import read_container
from xtts_finetune.xtts.weights.directory import weights_in


def content_of(path: Path) -> str:
    """Hash of what a file says: of weights their names, types, sizes and checksums, of JSON its values.

    A file that is neither, or whose weights have no checksums, counts by `quick_hash`. No weights are read, so what
    was damaged after the file's table of contents was written is not seen. Raises OSError.
    """
    content = _json(path) if path.suffix == ".json" else _weights(path)
    return quick_hash(path) if content is None else content


def content_fingerprint(base: BaseFiles) -> str:
    """Hash of what all five files say: the same on two computers of which one has a rewritten file."""
    return hashlib.sha256("".join(content_of(base.folder / name) for name in FILE_NAMES).encode()).hexdigest()


def _json(path: Path) -> str | None:
    try:
        return _hash(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        return None


def _weights(path: Path) -> str | None:
    try:
        container = read_container(path)
        tensors = weights_in(container)
    except UserError:
        return None
    entries = []
    for name, tensor in sorted(tensors.items()):
        crc32 = container.places[tensor.storage.key].crc32
        if crc32 is None:
            return None
        entries.append([name, tensor.dtype, tensor.shape, tensor.stride, tensor.offset, crc32])
    return _hash(entries) if entries else None


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
