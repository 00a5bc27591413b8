"""Questions in the terminal. Ctrl-C and Ctrl-D end them as they end everything else: exit code 130, one line."""

from __future__ import annotations

import typer


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
