"""How much memory a process has needed."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil


def peak_bytes() -> int:
    """The largest resident set of this process so far."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform == "linux":
        # Not ru_maxrss: a process begins with its parent's.
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    import resource  # noqa: PLC0415  (not on Windows)

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
