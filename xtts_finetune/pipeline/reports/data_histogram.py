"""Histograms as inline SVG, in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from xtts_finetune.pipeline.reports.data_model import Histogram

WIDTH, HEIGHT = 560, 230
LEFT, RIGHT, TOP, BOTTOM = 12, 12, 34, 40
# About as many columns as can be told apart; each begins at a round number.
COLUMNS = 28


def draw_histogram(title: str, unit: str, values: Sequence[float]) -> Histogram | None:
    """How often each value comes, with the median; None for no values."""
    found = np.asarray([value for value in values if math.isfinite(value)], dtype=np.float64)
    if not len(found):
        return None
    width = _round_step((found.max() - found.min()) / COLUMNS or max(found.max(), 1.0) / COLUMNS)
    first = math.floor(found.min() / width)
    counts = np.bincount(np.floor(found / width).astype(np.int64) - first)
    median = float(np.median(found))
    low, high = np.percentile(found, [5, 95])
    words = f"Median {median:.1f} {unit}; nine in ten from {low:.1f} to {high:.1f}."
    return Histogram(title, _svg(counts, first, width, median, unit), words)


def _svg(
    counts: np.ndarray[tuple[int], np.dtype[np.int64]], first: int, width: float, median: float, unit: str
) -> str:
    across = (WIDTH - LEFT - RIGHT) / len(counts)
    up = (HEIGHT - TOP - BOTTOM) / counts.max()
    floor = HEIGHT - BOTTOM

    def x(value: float) -> float:
        return LEFT + (value / width - first) * across

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" class="histogram" aria-hidden="true">']
    for place, count in enumerate(counts.tolist()):
        begin = (first + place) * width
        label = f"{count} from {begin:.3g} to {begin + width:.3g} {unit}"
        height = max(count * up, 1.5) if count else 0.0
        shape = f'x="{x(begin) + 0.5:.1f}" y="{floor - height:.1f}" width="{across - 1:.1f}" height="{height:.1f}"'
        parts.append(f"<rect {shape}><title>{label}</title></rect>")
    parts.append(f'<path class="axis" d="M{LEFT} {floor}H{WIDTH - RIGHT}"/>')
    end = (first + len(counts)) * width
    step = _round_step((end - first * width) / 7)
    for number in range(math.ceil(first * width / step - 1e-9), math.floor(end / step + 1e-9) + 1):
        at = x(number * step)
        parts.append(f'<path class="axis" d="M{at:.1f} {floor}v5"/>')
        parts.append(f'<text x="{at:.1f}" y="{floor + 19}" text-anchor="middle">{number * step:g}</text>')
    side, shift = ("end", -6) if median > (first * width + end) / 2 else ("start", 6)
    parts.append(f'<path class="median" d="M{x(median):.1f} {floor}V{TOP - 16}"/>')
    parts.append(
        f'<text class="median" x="{x(median) + shift:.1f}" y="{TOP - 8}" text-anchor="{side}">'
        f"median {median:.1f}</text>"
    )
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{unit}</text></svg>')
    return "".join(parts)


def _round_step(step: float) -> float:
    """The next of 1, 2, 5 and their tenfolds."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= step * 0.999)
