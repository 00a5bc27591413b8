"""What one of several processes of a phase knows of its launch: which it is, where the others meet, how it may end.

The launcher (ranks/launch.py) tells it in the environment. A process alone finds nothing there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from xtts_finetune.machine.cards import NONE, ORDER, VISIBLE, nth
from xtts_finetune.ranks.outcome import LaunchFolder

if TYPE_CHECKING:
    from torch._C._distributed_c10d import TCPStore

# Exit codes of a rank that ends out of order; in order it is 0, and the outcome's file says the rest.
NOTICED_SILENCE, OTHERS_ARE_GONE, LAUNCHER_IS_GONE = 75, 76, 77
FOLDER, STORE, ROUND, MACHINE = (
    "XTTS_FINETUNE_LAUNCH",
    "XTTS_FINETUNE_STORE",
    "XTTS_FINETUNE_ROUND",
    "XTTS_FINETUNE_MACHINE",
)
WATCH_SECONDS = 1.0


@dataclass(frozen=True)
class Launched:
    """One rank of a launch. `round` counts how often all ranks were started, from 0.

    `folder` is of this machine's launch, `store` the address where all ranks of all machines meet.
    """

    rank: int
    count: int
    local_rank: int
    round: int
    machine: str
    store: tuple[str, int]
    folder: LaunchFolder

    @property
    def name(self) -> str:
        """'rank 1 of 2 on HOST'."""
        return rank_name(self.rank, self.count, self.machine)

    def connect(self, wait: timedelta) -> TCPStore:
        """A connection of its own to where the ranks meet: one that waits holds up nobody else.

        Raises torch's DistError when nothing answers within `wait`.
        """
        from torch._C._distributed_c10d import TCPStore  # noqa: PLC0415

        host, port = self.store
        return TCPStore(host, port, is_master=False, timeout=wait, use_libuv=USES_LIBUV)

    def key(self, name: str) -> str:
        """A key in the store that belongs to this round: what was said before a restart counts no more."""
        return f"xtts-finetune/{self.round}/{name}"


# torch's builds for Windows come without it.
USES_LIBUV = os.name != "nt"


def rank_name(rank: int, count: int, machine: str) -> str:
    """'rank 1 of 2 on HOST', as all messages call it."""
    return f"rank {rank} of {count} on {machine}"


def launched(environment: Mapping[str, str] = os.environ) -> Launched | None:
    """This process's place in a launch; None where no launcher of ours started it."""
    if FOLDER not in environment:
        return None
    host, _, port = environment[STORE].rpartition(":")
    return Launched(
        rank=int(environment["RANK"]),
        count=int(environment["WORLD_SIZE"]),
        local_rank=int(environment["LOCAL_RANK"]),
        round=int(environment[ROUND]),
        machine=environment.get(MACHINE) or socket.gethostname(),
        store=(host, int(port)),
        folder=LaunchFolder(Path(environment[FOLDER])),
    )


def settle(place: Launched, device: str) -> None:
    """Make this process a rank: one GPU of those that are visible, deaf to Ctrl-C, gone with its launcher.

    The launcher alone is asked to stop, and says so by a file, so that all ranks stop at the same step. Call it
    before torch is imported.
    """
    os.environ.setdefault(ORDER, "PCI_BUS_ID")
    os.environ[VISIBLE] = NONE if device == "cpu" else nth(place.local_rank, os.environ.get(VISIBLE))
    for name in ("SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # torch's agent ends what is left of a launch by it; nothing waits for the step at hand then.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_launcher, daemon=True).start()


def end_at_once(code: int) -> NoReturn:
    """End this process, whatever its threads wait for."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _end_with_launcher() -> None:
    import psutil  # noqa: PLC0415

    try:
        launcher = psutil.Process(os.getppid())
        # A launcher that was killed is seen by its children as another parent (POSIX), or as none (Windows).
        while launcher.is_running() and launcher.status() != psutil.STATUS_ZOMBIE:
            if os.name != "nt" and os.getppid() != launcher.pid:
                break
            time.sleep(WATCH_SECONDS)
    except psutil.Error:
        pass
    end_at_once(LAUNCHER_IS_GONE)
