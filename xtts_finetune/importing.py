"""Importing what is heavy, sooner than by `import` alone; librosa in one process at a time, which its cache needs."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from filelock import FileLock

# Those of its modules that are compiled when they are imported.
COMPILED = ("librosa.util.utils", "librosa.core.audio", "librosa.core.pitch")
LOCK = "xtts-finetune.lock"


@cache
def librosa_loaded() -> Any:
    """The package, imported on the first call, which takes half a minute on a new machine.

    numba keeps on disk what it compiles. Where two processes compile for the first time, and at the same time, they
    may keep parts that do not fit each other, and from then on every process that uses them dies of a segmentation
    fault (numba's issue 10128, open as of 0.68). So the package is loaded here and nowhere else.
    """
    import librosa  # noqa: PLC0415  heavy

    with alone(Path(librosa.__file__).parent / "__pycache__"), without_collecting():
        for module in COMPILED:
            import_module(module)
    return librosa


def alone(machine_code: Path) -> AbstractContextManager[object]:
    """Waits until no other process is in here. Where no lock can be had, goes on without one.

    numba writes to `machine_code`, or to a folder of the user where that one is read-only.
    """
    user = os.environ.get("USER", os.environ.get("USERNAME", ""))
    for place in (machine_code / LOCK, Path(tempfile.gettempdir()) / f"{user}-{LOCK}"):
        with suppress(OSError, NotImplementedError):
            return FileLock(place).acquire()
    return nullcontext()


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
