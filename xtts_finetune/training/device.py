"""Where to train, and whether the precision asked for works there."""

from __future__ import annotations

import torch

from xtts_finetune.errors import UserError


def pick_device(wanted: str) -> str:
    """'cpu' or 'cuda' for 'auto', 'cpu' or 'cuda'. Raises UserError if there is no such device."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "device: 'cuda' is declared, but torch sees no GPU here; install torch's CUDA build, or use "
            "'device: auto' or --device cpu"
        )
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted


def check_precision(precision: str, device: str) -> None:
    """Raise UserError for a precision that the device lacks."""
    if precision == "fp16" and device == "cpu":
        raise UserError("precision: 'fp16' needs a GPU; use 'bf16' or 'fp32' on the CPU")
    if precision == "bf16" and device == "cuda" and not torch.cuda.is_bf16_supported():
        raise UserError("precision: this GPU has no 'bf16'; use 'fp16' or 'fp32'")
