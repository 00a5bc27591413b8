"""The memory that a container or a service is given, which may be less than the computer has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Limit:
    """The most that all processes of a group may take together, and what is left of it, in bytes."""

    total: int
    free: int


def memory_limit(cgroups: Path = CGROUPS, own: Path = OWN) -> Limit | None:
    """The tightest limit of Linux' control groups on this process; None where there is none, or no Linux.

    https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.max, memory.current, memory.stat) and, for
    version 1, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html. A limit of a group holds for all in it.
    """
    limits = [limit for folder in _groups(cgroups, own) if (limit := _limit(folder)) is not None]
    if not limits:
        return None
    return Limit(min(limit.total for limit in limits), min(limit.free for limit in limits))


def _groups(cgroups: Path, own: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in, each before the one around it."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        root = cgroups / "memory" if controllers else cgroups
        folder = root / path.strip("/")
        # In a container the path may be one that only its host knows; the folders above it are seen all the same.
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(root))


def _limit(folder: Path) -> Limit | None:
    for most, now, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        total, used = _number(folder / most), _number(folder / now)
        if total is not None and used is not None:
            return Limit(total, max(0, total - used + _stat(folder, cache)))
    return None


def _number(file: Path) -> int | None:
    """The number in a file; None for another word, such as 'max', and where there is no such file."""
    try:
        return int(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _stat(folder: Path, name: str) -> int:
    """What of the memory in use holds copies of files and is given back at once, in bytes."""
    try:
        lines = (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[:1] == [name])
    except (OSError, ValueError, IndexError, StopIteration):
        return 0
