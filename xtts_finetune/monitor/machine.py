"""Room on the disk of a run, and memory of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from xtts_finetune.monitor.view import Machine
from xtts_finetune.records.holders import Holder


def machine_of(folder: Path, worker: Holder | None) -> Machine:
    """What is free now. `worker` is the process that trains: its memory can be told if it is one of this machine."""
    import psutil  # noqa: PLC0415  (25 ms that --help need not pay)

    try:
        disk = shutil.disk_usage(folder)
        free, total = disk.free, disk.total
    except OSError:
        free = total = None  # type: ignore[assignment]
    memory = psutil.virtual_memory()
    process = None
    if worker is not None and worker.here and worker.running:
        try:
            process = int(psutil.Process(worker.pid).memory_info().rss)
        except psutil.Error:
            process = None
    used = memory.total - memory.available
    return Machine(_rounded(free), total, _rounded(used), memory.total, _rounded(process))


def _rounded(size: int | None) -> int | None:
    """To a tenth of a gigabyte: what flickers below that is no news."""
    return None if size is None else round(size / 1e8) * 100_000_000
