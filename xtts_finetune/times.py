"""Moments and time spans as the records write them."""

from __future__ import annotations

from datetime import datetime


def now() -> str:
    """This moment in ISO 8601 with its time zone, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def duration(seconds: float) -> str:
    """A time span for people: '8 h 12 min', '3 min 5 s', '0.4 s'."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
