"""Curves of TensorBoard's event files."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.curves.curves import Curves, Series, series
from xtts_finetune.curves.readers.rows import chosen_pair, is_averaged, role_of
from xtts_finetune.errors import UserError

FORMAT = "TensorBoard events"
FEWEST = 4  # values of a tag that is worth reading, where another has more
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
    points = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}
    trains, evaluations = ([tag for tag in tags if role_of(tag) == role] for role in ("train", "evaluation"))
    # Means of epochs are of use only once there are a few.
    enough = [tag for tag in trains if len(points[tag]) >= FEWEST] or trains
    train, evaluation = chosen_pair(enough, evaluations)
    if train is None and evaluation is None:
        listed = ", ".join(tags) if tags else "none"
        raise UserError(f"{path}: no tag is a loss; the tags with numbers are: {listed}")

    def curve(tag: str | None) -> Series:
        found = points.get(tag or "", [])
        return series(tag or "", found, averaged=is_averaged(found))

    rate = next((tag for tag in tags if role_of(tag) == "learning_rate"), None)
    grad = next((tag for tag in tags if role_of(tag) == "grad_norm" and any(v for _, v in points[tag])), None)
    note = f"training is tag '{train}', evaluation is tag '{evaluation}'"
    return Curves("step", curve(train), curve(evaluation), curve(rate), curve(grad), str(path), FORMAT, None, (note,))
