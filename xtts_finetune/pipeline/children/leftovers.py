"""What a process that was killed in the middle of writing leaves behind."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from xtts_finetune.records.holders import CHILD_LOCK
from xtts_finetune.records.processes import SAME_START_SECONDS, started_at
from xtts_finetune.records.run_folder import RunFolder

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
