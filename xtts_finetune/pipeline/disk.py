"""How much disk a phase needs, before anything is written."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from xtts_finetune.spec.sources import KeptStep

# A checkpoint that resumes holds the weights, Adam's two moments of nearly all of them, and the DVAE: for
# XTTS v2, 5.5 GB beside a best model of 1.9 GB.
CHECKPOINT_TO_WEIGHTS = 3.0


def weights_bytes(model: Path) -> int:
    """About the size of the model's weights as they are trained, in fp32, in bytes."""
    size = model.stat().st_size
    return size * 2 if _is_half(model) else size


def phase_bytes(weights: int, kept: Sequence[KeptStep]) -> int:
    """About what a finished phase leaves: best model, newest checkpoint, and those kept for others."""
    kept_weights = sum(CHECKPOINT_TO_WEIGHTS if step.with_optimizer else 1 for step in kept)
    return int(weights * (1 + CHECKPOINT_TO_WEIGHTS + kept_weights))


def writing_bytes(weights: int) -> int:
    """About what is needed beside that for a moment: an old checkpoint stays until the new one is whole."""
    return int(weights * CHECKPOINT_TO_WEIGHTS)


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


def _is_half(model: Path) -> bool:
    """Whether the tensors of a torch file are mostly of 16 bits, read from its table of contents."""
    try:
        with zipfile.ZipFile(model) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            table = archive.read(name)
    except (OSError, zipfile.BadZipFile, StopIteration):
        return False
    return b"HalfStorage" in table or b"BFloat16Storage" in table
