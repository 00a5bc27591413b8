"""Moments, time spans, sizes, whole numbers and metrics, as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

# What a loss is called that is no number.
NOT_FINITE = "NaN or infinite"


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


def about(seconds: float) -> str:
    """A time span that is an estimate: '2 h 40 min', '12 min', 'a minute', '20 s'."""
    if seconds < 55:
        return f"{max(1, round(seconds / 5) * 5 if seconds > 12 else round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return "a minute" if minutes == 1 else f"{minutes} min"
    tens = round(seconds / 600)
    hours, rest = divmod(tens, 6)
    return f"{hours} h {10 * rest} min" if rest and hours < 24 else f"{round(seconds / 3600)} h"


def readable_size(size: float) -> str:
    """Bytes for people, in units of 1000: '5.5 GB'."""
    if size == 1:
        return "1 byte"
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def grouped(number: int) -> str:
    """A whole number for people: '2 140'."""
    return f"{number:,}".replace(",", " ")


def metric(values: Mapping[str, Any], name: str) -> str:
    """A metric as it is shown everywhere: text_ce is small and gets a digit more; '?' where there is none."""
    value = values.get(name)
    if not isinstance(value, int | float):
        return "?"
    return f"{value:.4f}" if name == "text_ce" else f"{value:.3f}"


def every(steps: int) -> str:
    """'every step', 'every 3 steps'."""
    return "every step" if steps == 1 else f"every {steps} steps"
