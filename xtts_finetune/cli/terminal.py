"""The terminal that commands print to."""

from __future__ import annotations

import sys

from rich.console import Console

PIPE_WIDTH = 120


def console() -> Console:
    """rich decides about colours (NO_COLOR, pipes); a pipe has no width of its own, and 80 is too narrow."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
