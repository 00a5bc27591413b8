"""One command at a time works in a run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xtts_finetune.errors import UserError

COMMAND_LOCK = ".command.lock"
CHILD_LOCK = ".child.lock"


@contextmanager
def run_lock(root: Path) -> Iterator[None]:
    """Hold the run's folder for this command. Raises UserError when another command holds it."""
    from filelock import FileLock, Timeout  # noqa: PLC0415  (50 ms that --help and --plan need not pay)

    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / COMMAND_LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"{root}: another command is at work in this run's folder; wait for it to end, or stop it"
        ) from None
    try:
        yield
    finally:
        lock.release()
