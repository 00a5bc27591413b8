"""Curves of dots: each character of Braille holds two by four of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Bits of the dots of a character, by column and row (Unicode's block from U+2800 on).
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
EMPTY = 0x2800
BLOCKS = "▁▂▃▄▅▆▇█"

Line = Sequence[tuple[float, float]]


def draw(
    lines: Sequence[Line], width: int, height: int, end: float, low: float, high: float
) -> list[list[tuple[str, int]]]:
    """Rows of (character, number of the line that it belongs to, -1 for none); later lines lie on top.

    Points are (step, value); steps go from 0 to `end`, values from `low` to `high`. What is higher or lower is
    drawn at the edge.
    """
    bits = [[0] * width for _ in range(height)]
    owner = [[-1] * width for _ in range(height)]
    for number, line in enumerate(lines):
        for column, row in _dots(line, width * 2, height * 4, end, low, high):
            cell, x = (row // 4, column // 2), column % 2
            if owner[cell[0]][cell[1]] != number:
                owner[cell[0]][cell[1]], bits[cell[0]][cell[1]] = number, 0
            bits[cell[0]][cell[1]] |= DOTS[x][row % 4]
    return [
        [(chr(EMPTY + bit), which) for bit, which in zip(row, owners, strict=True)]
        for row, owners in zip(bits, owner, strict=True)
    ]


def _dots(line: Line, width: int, height: int, end: float, low: float, high: float) -> set[tuple[int, int]]:
    def place(step: float, value: float) -> tuple[int, int]:
        x = round((width - 1) * step / end) if end > 0 else 0
        share = (high - value) / (high - low) if high > low else 0.5
        return min(width - 1, max(0, x)), round((height - 1) * min(1.0, max(0.0, share)))

    places = [place(step, value) for step, value in line if math.isfinite(value)]
    found = set(places[:1])
    for (x0, y0), (x1, y1) in zip(places, places[1:], strict=False):  # noqa: RUF007  (also where there is one)
        far = max(abs(x1 - x0), abs(y1 - y0), 1)
        found |= {(round(x0 + (x1 - x0) * i / far), round(y0 + (y1 - y0) * i / far)) for i in range(far + 1)}
    return found


def sparkline(values: Sequence[float], width: int) -> str:
    """A curve in one row of blocks: the newest `width` means of equally many values."""
    known = [value for value in values if math.isfinite(value)]
    if not known or width < 1:
        return ""
    size = max(1, math.ceil(len(known) / width))
    means = [
        math.fsum(part) / len(part) for part in (known[i : i + size] for i in range(0, len(known), size))
    ]
    low, high = min(means), max(means)
    if high == low:
        return BLOCKS[3] * len(means)
    return "".join(BLOCKS[round((len(BLOCKS) - 1) * (value - low) / (high - low))] for value in means)
