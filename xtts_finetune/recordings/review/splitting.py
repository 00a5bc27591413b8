"""Where a clip is split: the quietest place near where a person pointed, and which words lie on which side."""

from __future__ import annotations

import re
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.records.stretches import Stretch

# Seconds around the place pointed at in which the quietest one is looked for, and the length that is compared.
REACH, WINDOW = 0.35, 0.02


def split_at(wave: NDArray[np.float32], rate: int, seconds: float) -> float:
    """Seconds from the start of (samples,) of the quietest 20 ms near the place pointed at, its middle."""
    size = max(1, round(WINDOW * rate))
    first = max(0, round((seconds - REACH) * rate))
    near = wave[first : max(0, round((seconds + REACH) * rate))].astype(np.float64)
    if len(near) <= size:
        return seconds
    energy = np.concatenate(([0.0], np.cumsum(near**2)))
    levels = energy[size:] - energy[:-size]
    # Of places that are equally quiet, the one nearest to where it was pointed.
    quiet = np.flatnonzero(levels <= levels.min() * 1.0001 + 1e-12)
    middle = (quiet + size / 2 + first) / rate
    return float(middle[np.argmin(np.abs(middle - seconds))])


def between_words(text: str, caret: int) -> int:
    """The place nearest to the caret where a word begins, or the text ends."""
    places = [*(match.start() for match in re.finditer(r"(?<!\S)\S", text)), len(text)]
    return min(places, key=lambda place: abs(place - caret))


def time_of_caret(stretch: Stretch, text: str, caret: int) -> float:
    """Seconds in the source where the text is at the caret: between two words, by their times where they are known."""
    before = len(text[:caret].split())
    words = stretch.words
    if len(words) == len(text.split()) and 0 < before < len(words):
        return (words[before - 1].end + words[before].start) / 2
    share = len(text[:caret].strip()) / max(1, len(text.strip()))
    return stretch.start + share * stretch.seconds


def texts_at(stretch: Stretch, text: str, at: float) -> tuple[str, str]:
    """The text's words before and after a time in the source."""
    written = text.split()
    words = stretch.words
    if len(words) == len(written):
        count = sum(1 for word in words if word.start + word.end < 2 * at)
    else:
        ends = np.cumsum([len(word) + 1 for word in written])
        count = bisect_left(ends, (at - stretch.start) / max(stretch.seconds, 1e-9) * (ends[-1] if written else 1))
    return " ".join(written[:count]), " ".join(written[count:])
