"""Watching in the terminal until Ctrl-C, and one look for a pipe."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live

from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.terminal.screen import Screen
from xtts_finetune.monitor.terminal.words import plain_lines

LOOK_SECONDS = 0.5


def keep_watching(watches: Sequence[RunWatch], console: Console) -> None:
    """Show the runs as they go along; Ctrl-C ends it, and leaves the last look on the terminal."""
    screen = _look(watches)
    # On a screen of its own, so that what is taller than the terminal is cut off rather than scrolled away.
    with (
        contextlib.suppress(KeyboardInterrupt),
        Live(screen, console=console, screen=True, auto_refresh=False) as live,
    ):
        while True:
            live.update(screen, refresh=True)
            time.sleep(LOOK_SECONDS)
            with contextlib.suppress(OSError):  # of a share that is gone for a moment
                screen = _look(watches)
    console.print(screen)


def say_once(watches: Sequence[RunWatch], console: Console) -> None:
    """One look as plain lines."""
    for one in watches:
        for line in plain_lines(one.look()):
            console.print(line, highlight=False, soft_wrap=True, markup=False)


def _look(watches: Sequence[RunWatch]) -> Screen:
    runs = [one.look() for one in watches]
    return Screen(runs, [{name: one.curves(name) for name in one.watched} for one in watches])
