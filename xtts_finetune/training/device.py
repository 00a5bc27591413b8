"""Where to train, and in which precision."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch

from xtts_finetune.errors import UserError
from xtts_finetune.machine import cards
from xtts_finetune.spec.phase import Precision
from xtts_finetune.xtts.base import BaseFiles, is_small

HALF = {
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}  # what matrices are multiplied in; weights stay in float32

# GPUs from these compute capabilities on have units for it.
_TENSOR_CORES, _AMPERE = (7, 0), (8, 0)


def pick_device(wanted: str, otherwise: Callable[[str], object] | None = None) -> str:
    """'cpu' or 'cuda' for 'auto', 'cpu', 'cuda' or 'cuda:1'. Raises UserError if there is no such device.

    A card that is there and that torch cannot use is an error for 'auto', too: on the CPU a training would take days.
    Whoever can do with the CPU gives `otherwise`, which is told why it is taken.
    """
    if wanted == "cpu":
        return "cpu"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        sees = torch.cuda.is_available()
    problem = _no_code() if sees else _unseen([str(each.message) for each in said])
    if sees and problem is None:
        if cards.spills():
            _keep_within_the_card()
        return "cuda"
    if wanted != "auto":
        cure = problem.cure if problem else cards.CUDA_BUILD
        what = problem.what if problem else "torch sees no such GPU here"
        raise UserError(f"device: '{wanted}' is asked for, but {what}; {cure}; or say 'device: auto' or --device cpu")
    if problem is not None and otherwise is None:
        raise UserError(f"device: {problem}; to train on the CPU all the same, which takes days: --device cpu")
    if problem is not None and otherwise is not None:
        otherwise(f"on the CPU: {problem}")
    return "cpu"


LEFT_TO_OTHERS = 300e6
"""Bytes of a card that nothing of ours takes where more would be moved to the computer's memory."""


def _keep_within_the_card() -> None:
    """Run out of memory where the driver would rather spill, which makes each step five to twenty times as long."""
    free, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(min(1.0, max(free - LEFT_TO_OTHERS, LEFT_TO_OTHERS) / total))


def pick_device_for(base: BaseFiles, wanted: str) -> str:
    """The device for a job with this base; one as small as the demo's does without a card that cannot be used."""
    return pick_device(wanted, otherwise=print if is_small(base) else None)


FULL_CARD = 0.03
"""A card with a smaller share of its memory free has no room for a library's own."""


def is_full() -> bool:
    """Whether the card that this process uses has no memory left; False without one, or where it does not answer."""
    if not torch.cuda.is_available():
        return False
    try:
        free, total = torch.cuda.mem_get_info()
    except RuntimeError:
        return False
    return free < FULL_CARD * total


def name_of(device: str) -> str:
    """'the CPU', or the card's name."""
    return "the CPU" if device == "cpu" else str(torch.cuda.get_device_name())


def _unseen(warned: list[str]) -> cards.Problem | None:
    """Why torch sees no card though the driver names one; None where there is none."""
    gpu = cards.find_gpu()
    if gpu is None:
        return None
    known = cards.problem_of(gpu, cards.torch_build())
    if known is not None:
        return cards.Problem(f"there is {gpu.name}, but {known.what}", known.cure)
    why = next((" ".join(line.split()) for line in warned if line.strip()), "it gives no reason")
    return cards.Problem(f"there is {gpu.name}, but torch cannot use it ({why})", "see xtts-finetune doctor")


def _no_code() -> cards.Problem | None:
    """The problem of a card that this torch holds no machine code for: its first kernel would fail."""
    capability = torch.cuda.get_device_capability()
    if cards.has_code_for(capability, torch.cuda.get_arch_list()):
        return None
    return cards.no_kernels(torch.cuda.get_device_name(), capability, f"CUDA {torch.version.cuda}")


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
