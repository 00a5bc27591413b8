"""The memory that a phase needs, against what there is."""

from __future__ import annotations

from dataclasses import dataclass

from xtts_finetune.pipeline.plan.checks.check import Check, error, ok, warning
from xtts_finetune.pipeline.plan.checks.container import Limit, memory_limit
from xtts_finetune.pipeline.plan.checks.memory_estimate import Estimate
from xtts_finetune.pipeline.plan.disk import readable

CURE = (
    "lower batch_size (or max_tokens) and raise accumulate by as much, use precision: bf16, train adapters alone "
    "(train: {lora: {}}), or close other programs; "
    "on_out_of_memory: halve_batch does the first by itself"
)
FULL = 0.9


@dataclass(frozen=True)
class Memory:
    """Memory of the device that trains, in bytes; `of` says whose."""

    of: str
    total: int
    free: int


def computer_memory() -> Memory:
    """The computer's own memory, or what a container is given of it, for training on the CPU."""
    import psutil  # noqa: PLC0415  (25 ms that --help need not pay)

    memory = psutil.virtual_memory()
    return memory_within(int(memory.total), int(memory.available), memory_limit())


def memory_within(total: int, free: int, limit: Limit | None) -> Memory:
    """The computer's memory under the limit of a container, if there is one that matters."""
    if limit is None or limit.total >= total:
        return Memory("this computer", total, free)
    return Memory("this container", limit.total, min(free, limit.free))


def check_memory(phase: str, estimate: Estimate, memory: Memory) -> Check:
    """Whether a phase fits; an error only if its weights alone never will."""
    name = f"memory of {phase}"
    needed = f"about {readable(estimate.total)} for batches of {estimate.batch_size}"
    there = f"{readable(memory.free)} of {readable(memory.total)} free on {memory.of}"
    if estimate.weights > memory.total:
        found = f"{readable(estimate.weights)} for weights, gradients and optimizer alone; {there}"
        return error(
            name, found, "too much for this device: train: {lora: {}} needs less, or use one with more memory"
        )
    if estimate.total > FULL * memory.free:
        return warning(name, f"{needed}; {there}", CURE)
    return ok(name, f"{needed}; {there}")
