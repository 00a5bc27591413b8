"""How much disk a phase needs, before anything is written."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from xtts_finetune.spec.sources import KeptStep

# The HiFi-GAN with its speaker encoder: 26 M weights in fp32. Every model file has one; it is not trained.
HIFIGAN_BYTES = 100_000_000


def weights_bytes(model: Path) -> int:
    """About the size of a model file of this base as phases write it: all weights, in fp32, in bytes."""
    size, table = model.stat().st_size, _table_of_contents(model)
    if b"HalfStorage" in table or b"BFloat16Storage" in table:
        size *= 2
    return size if not table or b"hifigan_decoder" in table else size + HIFIGAN_BYTES


def checkpoint_bytes(weights: int) -> int:
    """About the size of a checkpoint that resumes: with Adam's two moments of all that is trained."""
    return weights + 2 * max(0, weights - HIFIGAN_BYTES)


def phase_bytes(weights: int, kept: Sequence[KeptStep]) -> int:
    """About what a finished phase leaves: best model, newest checkpoint, and those kept for others."""
    whole = checkpoint_bytes(weights)
    return weights + whole + sum(whole if step.with_optimizer else weights for step in kept)


def writing_bytes(weights: int) -> int:
    """About what is needed beside that for a moment: an old checkpoint stays until the new one is whole."""
    return checkpoint_bytes(weights)


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def readable(size: float) -> str:
    """Bytes for people, in units of 1000: '5.5 GB'."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _table_of_contents(model: Path) -> bytes:
    """What a torch file says of its tensors, their names and types among it; nothing for another kind of file."""
    try:
        with zipfile.ZipFile(model) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            return archive.read(name)
    except (OSError, zipfile.BadZipFile, StopIteration):
        return b""
