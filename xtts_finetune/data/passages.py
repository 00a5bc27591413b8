"""Clips cut from recordings are held out by the passage: each sounds like its neighbours, and continues their text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from xtts_finetune.records.stretches import STRETCHES
from xtts_finetune.spec.pipeline import DatasetSpec

# As recordings.clips names them: the recording, start and end in milliseconds.
_CLIP = re.compile(r"(.+)_(\d{9,})_(\d{9,})(?:\.flac)?")
# So many passages make the eval set, of at least so many clips.
PASSAGES, FEWEST_CLIPS = 4, 3


@dataclass(frozen=True, order=True)
class Place:
    """Where a clip was cut: its recording, start and end in seconds."""

    recording: str
    start: float
    end: float


def cut_from_recordings(datasets: Iterable[DatasetSpec]) -> frozenset[str]:
    """Names of the data sets that `xtts-finetune import` made."""
    return frozenset(spec.name for spec in datasets if (spec.path / STRETCHES).is_file())


def place_of(clip_id: str) -> Place | None:
    """Where a clip was cut, by its name; None where that does not tell."""
    found = _CLIP.fullmatch(PurePosixPath(clip_id).name)
    return None if found is None else Place(found[1], int(found[2]) / 1000, int(found[3]) / 1000)


def passages(places: Sequence[Place], wanted: int) -> list[range]:
    """Divide clips, in the order of their places, into passages of which about four make `wanted` clips.

    A passage ends with its recording, or at the longest pause near the length that is aimed at.
    """
    size = max(FEWEST_CLIPS, -(-wanted // PASSAGES))
    found: list[range] = []
    start = 0
    while start < len(places):
        end = next(
            (place for place in range(start + 1, len(places)) if places[place].recording != places[start].recording),
            len(places),
        )
        while end - start > size * 4 / 3:
            ends = range(start + max(1, size * 2 // 3), min(start + size * 4 // 3, end - 1) + 1)
            stop = max(ends, key=lambda place: (places[place].start - places[place - 1].end, -place))
            found.append(range(start, stop))
            start = stop
        found.append(range(start, end))
        start = end
    return found
