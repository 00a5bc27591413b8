"""One command at a time works in a run's folder, and one child; a record beside each lock says which.

The system gives a lock back when its process ends, however it ends, so a lock never outlives its owner: after
kill -9 or a power cut only the record is left, and whoever takes the lock next writes it anew. The record has
no say in who may work; it only names the one that does. Whoever has the lock clears away the temporary files that
killed processes left behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path, PurePath

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import quoted
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.holders import SAME_START_SECONDS, Holder, read_holder, started_at
from xtts_finetune.records.run_folder import CHILD_LOCK, COMMAND_LOCK, RunFolder, lock_record

# As records/atomic.py names them: the file's name, and the number of the process that writes it.
TEMPORARY = re.compile(r"\..*?(?:\.(\d+))?\.tmp")


def sweep_leftovers(root: Path) -> list[Path]:
    """Remove the temporary files below a run's folder that nobody writes any more; return them.

    Call it with the child's lock held: a child that still ends may be writing its checkpoint. A file whose
    writer is running stays all the same. The cache of clips is left out: it holds as many files as there are
    clips, and is swept when clips are prepared. So are run folders within this one (those of remedies, on which
    another machine may be at work): each is swept by its own children.
    """
    cache = RunFolder(root).cache
    removed: list[Path] = []
    for folder, folders, files in os.walk(root):
        inner = [Path(folder) / name for name in folders]
        folders[:] = [path.name for path in inner if path != cache and not (path / CHILD_LOCK).is_file()]
        for name in files:
            match = TEMPORARY.fullmatch(name)
            if match is None:
                continue
            path = Path(folder) / name
            with contextlib.suppress(OSError):
                if not _is_written(path, match[1]):
                    path.unlink()
                    removed.append(path)
    return removed


def _is_written(path: Path, pid: str | None) -> bool:
    """Whether the process that the file is named after is there, and is not a later one of the same number."""
    started = started_at(int(pid)) if pid is not None else None
    return started is not None and started <= path.stat().st_mtime + SAME_START_SECONDS


# Longer than a child that was asked to stop is given to write its checkpoint (pipeline/children/process.py).
OLDER_CHILD_SECONDS = 150.0
# Between taking a lock and having written its record, or while one only asks whether somebody has it.
RECORD_SECONDS = 1.0
PAUSE = 0.05


class AtWork(UserError):
    """Another command holds the run's folder."""


@contextmanager
def run_lock(root: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the run's folder for this command; the folder is made where it is missing.

    `patience` is in seconds: for so long one that is at work is waited for.
    Raises AtWork, one line, that names the command which holds it; UserError when the folder cannot be written to.
    """
    with contextlib.ExitStack() as stack:
        _enter_as_command(stack, root, patience)
        yield


def refuse_second_command(root: Path) -> None:
    """Raise AtWork when another command holds the run's folder; writes nothing where nothing was run yet.

    For as long as it asks it holds the lock itself, without a record: a command that begins at that moment waits for
    it, as it does not when it finds somebody at work.
    """
    if (root / COMMAND_LOCK).is_file():
        with contextlib.ExitStack() as stack:
            _enter_as_command(stack, root, recorded=False)


@contextmanager
def child_lock(root: Path, say: Callable[[str], None], seconds: float = OLDER_CHILD_SECONDS) -> Iterator[None]:
    """Hold what only one child at a time may write in the run's folder; wait for an older one, and `say` so.

    Raises UserError when the older child is not done after `seconds`.
    """
    with contextlib.ExitStack() as stack:
        if not _enter(stack, root, CHILD_LOCK, 0.0):
            holder = _running_holder(root, CHILD_LOCK)
            who = f"process {holder.pid}" if holder is not None else "the process"
            say(f"waiting for {who} of an earlier command, which is writing its checkpoint ...")
            if not _enter(stack, root, CHILD_LOCK, seconds):
                raise UserError(
                    f"{root}: the process of an earlier command is still at work here{_named(root, CHILD_LOCK)}"
                )
        yield


def wait_for_older_child(root: Path, say: Callable[[str], None], seconds: float = OLDER_CHILD_SECONDS) -> None:
    """Return once no child of an earlier command writes in the run's folder; `say` that it is waited for.

    Whoever holds the command's lock calls it before it plans, removes or moves anything: a checkpoint that is
    written after that would come into the folder of a phase that it is not of.

    Raises UserError when the older child is not done after `seconds`.
    """
    with child_lock(root, say, seconds):
        pass


def child_is_gone(root: Path) -> bool:
    """Whether no child holds the run's folder: one that outlived its command may still be saving."""
    with contextlib.ExitStack() as stack:
        return _enter(stack, root, CHILD_LOCK, 0.0)


def _enter_as_command(stack: contextlib.ExitStack, root: Path, patience: float = 0.0, recorded: bool = True) -> None:
    if not _enter(stack, root, COMMAND_LOCK, patience, recorded):
        known = _running_holder(root, COMMAND_LOCK) is not None
        if known or not _enter(stack, root, COMMAND_LOCK, RECORD_SECONDS, recorded):
            raise AtWork(f"{root}: another command is at work here{_named(root, COMMAND_LOCK)}")


def _enter(stack: contextlib.ExitStack, root: Path, name: str, seconds: float, recorded: bool = True) -> bool:
    """Take a lock, with a record of who has it, until the stack is left; whether it could be had within `seconds`."""
    from filelock import FileLock, Timeout  # noqa: PLC0415  (50 ms that --help and --plan need not pay)

    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / name)
        try:
            lock.acquire(timeout=seconds, poll_interval=PAUSE)
        except Timeout:
            return False
        stack.callback(lock.release)
        if recorded:
            # Left before the lock is: the record of the next one must not be removed.
            stack.callback(_forget, lock_record(root, name))
            write_json_atomic(lock_record(root, name), asdict(_this_process()))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{root}: the run's folder cannot be written to ({reason})") from None
    return True


def _running_holder(root: Path, lock: str) -> Holder | None:
    holder = read_holder(root, lock)
    return holder if holder is not None and holder.running else None


def _named(root: Path, lock: str) -> str:
    holder = _running_holder(root, lock)
    return f"{'' if holder is None else f': {holder}'}; wait for it to end, or stop it"


def _this_process() -> Holder:
    return Holder(
        pid=os.getpid(),
        process_started=started_at(os.getpid()) or time.time(),
        since=datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
        command=_command_line(),
        host=socket.gethostname(),
    )


def _command_line() -> str:
    program, *arguments = sys.argv or ["python"]
    words = [PurePath(program).name or "python", *arguments]
    return quoted(words)


def _forget(record: Path) -> None:
    with contextlib.suppress(OSError):
        record.unlink()
