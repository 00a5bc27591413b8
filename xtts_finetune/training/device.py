"""Where to train, and in which precision."""

from __future__ import annotations

import torch

from xtts_finetune.errors import UserError
from xtts_finetune.spec.phase import Precision

HALF = {
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}  # what matrices are multiplied in; weights stay in float32

# GPUs from these compute capabilities on have units for it.
_TENSOR_CORES, _AMPERE = (7, 0), (8, 0)


def pick_device(wanted: str) -> str:
    """'cpu' or 'cuda' for 'auto', 'cpu' or 'cuda'. Raises UserError if there is no such device."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "device: 'cuda' is asked for, but torch sees no GPU here; install torch's CUDA build, or use "
            "'device: auto' or --device cpu"
        )
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted


def pick_precision(wanted: Precision, device: str) -> Precision:
    """The precision for 'auto', or `wanted` itself. Raises UserError for one that the device lacks.

    'auto' takes the fastest that has units of its own: bf16, else fp16 on a GPU, else fp32. A CPU without such
    units computes bf16 more slowly than fp32.
    """
    if device == "cpu":
        return _for_cpu(wanted)
    capability = torch.cuda.get_device_capability()
    if wanted == "auto":
        return "bf16" if capability >= _AMPERE else "fp16" if capability >= _TENSOR_CORES else "fp32"
    if wanted in ("bf16", "tf32") and capability < _AMPERE:
        raise UserError(f"precision: this GPU has no '{wanted}'; use 'auto', 'fp16' or 'fp32'")
    return wanted


def check_compile(device: str) -> None:
    """Raise UserError where torch.compile does not work, before a training ends with its traceback."""
    try:
        torch.compile(lambda values: values.sin() + 1)(torch.ones(8, device=device))
    except Exception as error:  # a missing compiler, a missing Triton, a Python that is too new: each its own class
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UserError(
            f"compile: torch.compile does not work here ({reason.strip()}); it needs a C++ compiler, and Triton on a "
            "GPU; install them or leave 'compile' out"
        ) from None


def _for_cpu(wanted: Precision) -> Precision:
    if wanted == "auto":
        capabilities = torch.cpu.get_capabilities()
        return "bf16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "fp32"
    if wanted in ("fp16", "tf32"):
        raise UserError(f"precision: '{wanted}' needs a GPU; use 'auto', 'bf16' or 'fp32' on the CPU")
    return wanted
