"""What ended a training from inside, with what the device knows of its memory."""

from __future__ import annotations

from xtts_finetune.records import faults
from xtts_finetune.records.stopping import Reason, Stop


def stop_of_error(error: BaseException, step: int | None = None) -> Stop:
    """The stopping reason of an exception that ended a phase at `step` (None: before its first step).

    Out of memory has numbers where they are known, in bytes: `asked_bytes`, and of a GPU `device_bytes` (all of
    it), `free_bytes`, `allocated_bytes` (in tensors of this process) and `peak_bytes` (the most of them so far).
    """
    stop = faults.stop_of_error(error, step)
    if stop.reason is not Reason.OUT_OF_MEMORY:
        return stop
    return Stop(stop.reason, stop.message, {**stop.numbers, **_gpu_memory()})


def _gpu_memory() -> dict[str, float]:
    import torch  # noqa: PLC0415  (whoever trains has it; whoever reads this module need not)

    if not torch.cuda.is_available():
        return {}
    try:
        free, total = torch.cuda.mem_get_info()
    except RuntimeError:
        return {}  # a device in trouble need not answer
    return {
        "device_bytes": float(total),
        "free_bytes": float(free),
        "allocated_bytes": float(torch.cuda.memory_allocated()),
        "peak_bytes": float(torch.cuda.max_memory_allocated()),
    }
