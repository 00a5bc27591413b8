"""Importing what is heavy, sooner than by `import` alone."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """Collect no garbage while modules are imported, and leave what they made alone for good.

    torch, transformers and Coqui's package make a million objects, all of which stay: the collector would go through
    them again and again while they are imported, and with every full collection afterwards.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
