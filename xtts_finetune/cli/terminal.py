"""The terminal that commands print to and ask in, and the command line that continues after an interruption.

Ctrl-C and Ctrl-D end a question as they end everything else: exit code 130, one line.
"""

from __future__ import annotations

import errno
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import IO, Any, cast

import typer
from rich.console import Console

# Options that belong to the first start alone.
ONLY_ONCE = {"--fresh"}


def command_again(arguments: Sequence[str] | None = None) -> str:
    """The command that goes on with what this one began, to be copied into a shell."""
    program, *rest = sys.argv if arguments is None else arguments
    name = PurePath(program).name.removesuffix(".exe").removesuffix(".py")
    words = [name, *(word for word in rest if word not in ONLY_ONCE)]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def ask(question: str, usual: str | None) -> str:
    """The answer; an empty one is `usual` where there is one. Raises KeyboardInterrupt for Ctrl-C and Ctrl-D."""
    try:
        return str(typer.prompt(question, default=usual)).strip()
    except typer.Abort:
        typer.echo()
        raise KeyboardInterrupt from None


def agrees(question: str) -> bool:
    """Whether the answer is yes; no is usual. Raises KeyboardInterrupt for Ctrl-C and Ctrl-D."""
    try:
        return typer.confirm(question, default=False)
    except typer.Abort:
        typer.echo()
        raise KeyboardInterrupt from None


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
