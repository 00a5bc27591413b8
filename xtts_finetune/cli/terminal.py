"""The terminal that commands print to."""

from __future__ import annotations

import errno
import sys
from typing import IO, Any, cast

from rich.console import Console

PIPE_WIDTH = 120


def console() -> Console:
    """rich decides about colours (NO_COLOR, pipes); a pipe has no width of its own, and 80 is too narrow."""
    file = cast(IO[str], OutlivesTheTerminal(sys.stdout))
    return Console(file=file) if sys.stdout.isatty() else Console(file=file, width=PIPE_WIDTH)


class OutlivesTheTerminal:
    """Standard output whose terminal may go: hours of training must not end because nobody can read of it.

    Closing a terminal asks its commands to end; this is for one that was told not to listen (nohup, disown).
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write, or do nothing once the terminal is gone. Any other error is raised."""
        try:
            return self._file.write(text)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return len(text)

    def flush(self) -> None:
        """Flush likewise."""
        try:
            self._file.flush()
        except OSError as error:
            if error.errno != errno.EIO:
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
