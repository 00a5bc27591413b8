"""The terminal that commands print to and ask in, and the command line that continues after an interruption.

Ctrl-C and Ctrl-D end a question as they end everything else: exit code 130, one line.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import IO, Any, cast

import typer
from rich.console import Console
from rich.text import Text

from xtts_finetune.look.commands import quoted
from xtts_finetune.look.wrapping import wrapped, wrapped_text

# Options that belong to the first start alone.
ONLY_ONCE = {"--fresh"}


def command_again(arguments: Sequence[str] | None = None, without: Collection[str] = ONLY_ONCE) -> str:
    """The command that continues what this one began, to be copied into a shell."""
    program, *rest = sys.argv if arguments is None else arguments
    name = PurePath(program).name.removesuffix(".exe").removesuffix(".py")
    words = [name, *(word for word in rest if word not in without)]
    return quoted(words)


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


def agrees_if_there(question: str) -> bool:
    """Whether the answer is yes; yes where nobody is at the keyboard to be asked."""
    return not (sys.stdin.isatty() and sys.stdout.isatty()) or agrees(question)


PIPE_WIDTH = 120


def console() -> Console:
    """rich decides about colours (NO_COLOR, pipes); a pipe has no width of its own, and 80 is too narrow."""
    file = cast(IO[str], OutlivesTheTerminal(sys.stdout))
    return Terminal(file=file) if sys.stdout.isatty() else Terminal(file=file, width=PIPE_WIDTH)


def tell(text: str, to: IO[str] | None = None) -> None:
    """Print lines for people, on standard output or elsewhere; wrapped where that is a terminal."""
    stream = to or sys.stdout
    typer.echo(wrapped(text, width_of(stream)) if stream.isatty() else text, file=stream)


def width_of(stream: IO[str], usual: int = 80) -> int:
    """Columns of the terminal that a stream goes to, or COLUMNS where that is set; `usual` where there is none."""
    with contextlib.suppress(ValueError):
        if columns := int(os.environ.get("COLUMNS", "0")):
            return columns
    with contextlib.suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or usual
    return usual


class Terminal(Console):
    """A console whose text is taken as it is, and wrapped at words; in a pipe or a file it is not wrapped at all."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich does it; text alone is wrapped here, so that paths and commands stay whole."""
        if len(objects) == 1 and isinstance(objects[0], str | Text):
            text = Text(objects[0]) if isinstance(objects[0], str) else objects[0]
            rows = wrapped_text(text, self.width) if self.is_terminal else text
            super().print(rows, **{**options, "highlight": False, "markup": False, "soft_wrap": True})
            return
        super().print(*objects, **options)


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
