"""Curves of TensorBoard's event files."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.curves.curves import Curves
from xtts_finetune.curves.readers.rows import curves_of_rows
from xtts_finetune.errors import UserError

FORMAT = "TensorBoard events"
MARK = b"brain.Event"  # in the first record of every event file


def is_events(path: Path, head: bytes) -> bool:
    """Whether it is an event file, whatever its name."""
    return MARK in head[:256] or "tfevents" in path.name


def read_events(path: Path) -> Curves:
    """The curves of an event file, over steps. Raises UserError that lists the tags when none is a loss."""
    import logging  # noqa: PLC0415

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415  heavy

    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    events = EventAccumulator(str(path), size_guidance={"scalars": 0})
    events.Reload()
    tags = events.Tags()["scalars"]
    rows: dict[int, dict[str, float]] = {}
    for tag in tags:
        for event in events.Scalars(tag):
            rows.setdefault(event.step, {})[tag] = event.value
    ordered = [{"step": float(step), **rows[step]} for step in sorted(rows)]
    found = curves_of_rows(ordered, str(path), FORMAT, "tag")
    if found is None:
        listed = ", ".join(tags) if tags else "none"
        raise UserError(f"{path}: no tag is a loss; the tags with numbers are: {listed}")
    return found
