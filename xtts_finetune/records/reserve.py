"""A little room on the disk, kept so that a phase can say why it ended even when the disk is full.

`.reserve` is made in the phase's folder when the phase starts. Whoever closes the phase removes it first: its
256 kB are then free for STOPPING_REASON.txt and model_info.json, which need a few kB each. Its content is random,
so that a file system that compresses keeps as much room as it says.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

RESERVE_NAME = ".reserve"
RESERVE_BYTES = 256 * 1024


def make_reserve(folder: Path) -> None:
    """Make the reserve in `folder` where it is missing or short.

    Raises OSError where there is no room for it: then there is none for the phase.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RESERVE_NAME
    if file.is_file() and file.stat().st_size >= RESERVE_BYTES:
        return
    try:
        with file.open("wb") as output:
            output.write(os.urandom(RESERVE_BYTES))
            output.flush()
            os.fsync(output.fileno())
    except OSError:
        free_reserve(folder)
        raise


def free_reserve(folder: Path) -> None:
    """Give the reserve's room back; nothing happens where there is none."""
    with contextlib.suppress(OSError):
        (folder / RESERVE_NAME).unlink()
