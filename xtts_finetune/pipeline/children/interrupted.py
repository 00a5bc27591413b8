"""Ctrl-C and what counts as it: what the commands raise when the user stops them is no failure, and not the end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):
    """Work was stopped from outside; the message says what. The caller knows the command that goes on."""


@contextmanager
def ending_like_ctrl_c() -> Iterator[None]:
    """Take a polite request to end (SIGTERM; SIGHUP of a closed terminal) as Ctrl-C, so that work is kept."""
    names = [name for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # What is ignored stays so: nohup means that a closed terminal is no request.
    names = [name for name in names if signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN]
    before = {name: signal.signal(getattr(signal, name), end) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
