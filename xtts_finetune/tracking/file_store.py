"""A plain folder in place of a tracking server, which MLflow cannot read after a kill at the wrong moment."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

# For another process that has made the file of a metric and is about to write the first value.
MOMENT_SECONDS = 1.0


def drop_empty_metrics(store: Path) -> None:
    """Remove metrics without a value: with one of them MLflow refuses to read the run, and all others beside it."""
    empty = [file for file in store.glob("*/*/metrics/**/*") if _is_empty(file)]
    if not empty:
        return
    time.sleep(MOMENT_SECONDS)
    for file in filter(_is_empty, empty):
        with suppress(FileNotFoundError):
            file.unlink()


def _is_empty(file: Path) -> bool:
    return file.is_file() and file.stat().st_size == 0
