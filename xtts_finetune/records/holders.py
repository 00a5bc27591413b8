"""Who is at work in a run's folder: the record beside each lock (pipeline/children/lock.py) names its holder.

The lock itself says whether somebody works; only who wants to work may try to take it. Whoever merely looks reads
the record and asks the system whether that very process is still there, not another one with its number.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.records.atomic import json_or_none
from xtts_finetune.records.run_folder import lock_record

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


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock; `process_started` is in seconds since 1970, `since` for people."""

    pid: int
    process_started: float
    since: str
    command: str
    host: str

    @property
    def here(self) -> bool:
        """Whether it is a process of this machine, of which the system knows whether it is still there."""
        return self.host == socket.gethostname()

    @property
    def running(self) -> bool:
        """Whether that process is still there; of another machine nothing can be known, so it counts as there."""
        return not self.here or is_running(self.pid, self.process_started)

    def __str__(self) -> str:
        where = "" if self.here else f" on {self.host}"
        return f"process {self.pid}{where}, started {self.since}: {self.command}"


def read_holder(root: Path, lock: str) -> Holder | None:
    """What the record beside a lock says; None when there is none, or it is torn."""
    return json_or_none(
        lock_record(root, lock),
        lambda record: Holder(
            pid=int(record["pid"]),
            process_started=float(record["process_started"]),
            since=_line(record["since"]),
            command=_line(record["command"]),
            host=_line(record["host"]),
        ),
    )


def _line(value: object) -> str:
    """Text of a record as one line."""
    return " ".join(str(value).split())
