"""Which process is which: a number alone is given to another program once its owner is gone."""

from __future__ import annotations

# The system counts a process's start from its own, whose moment moves by a little when the clock is set.
SAME_START_SECONDS = 2.0


def started_at(pid: int) -> float | None:
    """When the process of this number started, in seconds since 1970; None if there is none, or it has ended."""
    import psutil  # noqa: PLC0415  (25 ms that --help need not pay)

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return None
    except psutil.AccessDenied:
        return 0.0  # somebody else's: it is there, older than anything that is compared with it


def is_running(pid: int, started: float) -> bool:
    """Whether the process of this number that started then is still there, and not another one by now."""
    found = started_at(pid)
    return found is not None and (found == 0.0 or abs(found - started) <= SAME_START_SECONDS)
