"""The charts of all pages as inline SVG: curves and histograms, in the classes that look.css gives colours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

# Colours with a dash each, for lines that are told apart by nothing else: the classes c1, c2 ... of look.css.
COLOURS = 10
# In the units of a drawing, which are about a pixel each.
WIDE, NARROW = (1000, 430), (360, 380)
CHARACTER, LABEL_HEIGHT = 7.2, 16


@dataclass(frozen=True)
class Chart:
    """The same drawing as SVG for wide and for narrow screens, and in words for who cannot see it."""

    wide: str
    narrow: str
    words: str


@dataclass(frozen=True)
class Line:
    """A curve through points (x, y); a y that is no number leaves a gap.

    look   classes of look.css: its colour and dash
    label  what is written at its end
    """

    look: str
    points: Sequence[tuple[float, float]]
    label: str = ""
    dots: bool = False


@dataclass(frozen=True)
class Ring:
    """A point with its value in words, which stand to its left or to its right."""

    x: float
    y: float
    words: str
    left: bool


@dataclass(frozen=True)
class Panel:
    """Lines over axes of their own.

    shown  values that must be in sight; None: all that the lines have
    level  where a dashed line lies across
    bands  stretches of x: name, start, end
    share  how much of the drawing's height it gets, compared with the other panels
    """

    title: str
    lines: Sequence[Line]
    shown: Sequence[float] | None = None
    level: float | None = None
    bands: Sequence[tuple[str, float, float]] = ()
    rings: Sequence[Ring] = ()
    share: float = 1.0


def draw_lines(panels: Sequence[Panel], below: str, words: str, taller: float = 1.0) -> Chart:
    """Panels one below the other over one x axis, which begins at 0 and is named `below`."""
    wide, narrow = (_Drawing(panels, below, width, height * taller).svg() for width, height in (WIDE, NARROW))
    return Chart(wide, narrow, words)


@dataclass(frozen=True)
class _Area:
    """Where values lie in a drawing."""

    left: float
    right: float
    top: float
    bottom: float
    end: float
    low: float
    high: float

    def x(self, value: float) -> float:
        return self.left + (self.right - self.left) * value / self.end

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * (value - self.low) / (self.high - self.low)


class _Drawing:
    """Panels in one drawing of a width and a height."""

    def __init__(self, panels: Sequence[Panel], below: str, width: float, height: float) -> None:
        self.panels, self.below, self.width, self.height = panels, below, width, height
        points = [point for panel in panels for line in panel.lines for point in line.points]
        self.end = max([x for x, _ in points] + [end for p in panels for _, _, end in p.bands], default=0) or 1
        self.limits = [_limits(panel) for panel in panels]
        labels = [len(line.label) for panel in panels for line in panel.lines if self._has_label(line)]
        self.left = 10 + CHARACTER * max(len(_tick(v, s)) for low, high in self.limits for v, s in _ticks(low, high, 6))
        self.right = width - (24 + CHARACTER * max(labels) if labels else 12)

    def svg(self) -> str:
        parts = [f'<svg class="chart" viewBox="0 0 {self.width} {self.height:.0f}" aria-hidden="true">']
        top, room, shares = 0.0, self.height - 42, sum(panel.share for panel in self.panels)
        for panel, (low, high) in zip(self.panels, self.limits, strict=True):
            height = room * panel.share / shares
            begin = top + (46 if panel.bands else 28)
            area = _Area(self.left, self.right, begin, top + height - 6, self.end, low, high)
            parts.append(f'<text class="heading" x="{self.left:.1f}" y="{top + 16:.1f}">{escape(panel.title)}</text>')
            parts += self._panel(panel, area)
            top += height
        for value, step in _ticks(0, self.end, max(4, self.width // 120), whole=True):
            parts.append(_text(area.x(value), top + 14, _tick(value, step), "middle"))
        parts.append(_text((self.left + self.right) / 2, self.height - 6, self.below, "middle"))
        return "".join(parts) + "</svg>"

    def _panel(self, panel: Panel, area: _Area) -> Iterator[str]:
        for number, (name, start, end) in enumerate(panel.bands):
            x, across = area.x(start), area.x(end) - area.x(start)
            if number % 2 == 0:
                shape = f'width="{across:.1f}" height="{area.bottom - area.top:.1f}"'
                yield f'<rect x="{x:.1f}" y="{area.top:.1f}" {shape}/>'
            yield _text(x + across / 2, area.top - 7, name, "middle")
        for value, step in _ticks(area.low, area.high, 6):
            yield f'<path class="grid" d="M{area.left:.1f} {area.y(value):.1f}H{area.right:.1f}"/>'
            yield _text(area.left - 7, area.y(value) + 4, _tick(value, step), "end")
        # A drawing in the drawing cuts off what lies beyond the limits.
        place = (area.left, area.top - 5, area.right - area.left + 5, area.bottom - area.top + 10)
        left, top, width, height = (f"{value:.1f}" for value in place)
        box = f'viewBox="{left} {top} {width} {height}"'
        yield f'<svg x="{left}" y="{top}" width="{width}" height="{height}" {box}>'
        if panel.level is not None:
            yield f'<path class="level" d="M{area.left:.1f} {area.y(panel.level):.1f}H{area.right:.1f}"/>'
        for line in panel.lines:
            yield f'<g class="{line.look}"><path d="{_path(line.points, area)}"/>'
            for px, py in line.points if line.dots else ():
                if math.isfinite(py):
                    yield f'<circle cx="{area.x(px):.1f}" cy="{area.y(py):.1f}" r="2.6"/>'
            yield "</g>"
        yield "</svg>"
        for ring in panel.rings:
            yield f'<g class="eval"><circle class="ring" cx="{area.x(ring.x):.1f}" cy="{area.y(ring.y):.1f}" r="5.5"/>'
            side, anchor = (-5, "end") if ring.left else (5, "start")
            yield _text(area.x(ring.x) + side, area.y(ring.y) - 10, ring.words, anchor) + "</g>"
        yield from self._labels(panel.lines, area)

    def _has_label(self, line: Line) -> bool:
        """A narrow drawing has room for names at its right side alone."""
        ends = [x for x, y in line.points if math.isfinite(y)]
        return bool(line.label and ends) and (self.width > 500 or ends[-1] == self.end)

    def _labels(self, lines: Sequence[Line], area: _Area) -> Iterator[str]:
        """The names at the ends of their lines; those that end together are kept apart."""
        together: dict[float, list[tuple[float, Line]]] = {}
        for line in lines:
            if self._has_label(line):
                x, y = [point for point in line.points if math.isfinite(point[1])][-1]
                together.setdefault(area.x(x), []).append((area.y(y), line))
        for x, ends in together.items():
            ends.sort(key=lambda end: end[0])
            places = apart([y for y, _ in ends], LABEL_HEIGHT, area.top, area.bottom)
            for (y, line), place in zip(ends, places, strict=True):
                yield f'<g class="{line.look}"><path class="leader" d="M{x + 4:.1f} {y:.1f}L{x + 13:.1f} {place:.1f}"/>'
                yield _text(x + 17, place + 4, line.label, "start") + "</g>"


def apart(wanted: Sequence[float], room: float, top: float, bottom: float) -> list[float]:
    """Places in the order of `wanted`, which ascends: `room` between any two, and as near to it as that lets them."""
    groups: list[list[float]] = []
    for number, place in enumerate(wanted):
        groups.append([place - number * room])
        while len(groups) > 1 and _mean(groups[-2]) > _mean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    last = max(top, bottom - (len(wanted) - 1) * room)
    shifted = [min(max(_mean(group), top), last) for group in groups for _ in group]
    return [place + number * room for number, place in enumerate(shifted)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _limits(panel: Panel) -> tuple[float, float]:
    shown = [y for line in panel.lines for _, y in line.points] if panel.shown is None else list(panel.shown)
    found = [value for value in (*shown, panel.level) if value is not None and math.isfinite(value)]
    low, high = min(found, default=0.0), max(found, default=1.0)
    room = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    return low - room, high + room


def _path(points: Sequence[tuple[float, float]], area: _Area) -> str:
    drawn, pen = [], "M"
    for x, y in points:
        if math.isfinite(y):
            drawn.append(f"{pen}{area.x(x):.1f} {area.y(y):.1f}")
        pen = "L" if math.isfinite(y) else "M"
    return "".join(drawn)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _ticks(low: float, high: float, most: float, whole: bool = False) -> list[tuple[float, float]]:
    """Round values between two, with the step from one to the next."""
    step = _round_step((high - low) / most)
    step = max(1.0, step) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(number * step, step) for number in range(first, last + 1)]


def _tick(value: float, step: float) -> str:
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def _round_step(step: float) -> float:
    """The next of 1, 2, 5 and their tenfolds."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= step * 0.999)


@dataclass(frozen=True)
class Histogram:
    """A drawing, and what it shows in words."""

    title: str
    svg: str
    words: str


WIDTH, HEIGHT = 560, 230
LEFT, RIGHT, TOP, BOTTOM = 12, 12, 34, 40
# About as many columns as can be told apart; each begins at a round number.
COLUMNS = 28


def draw_histogram(title: str, unit: str, values: Sequence[float]) -> Histogram | None:
    """How often each value comes, with the median; None for no values."""
    import numpy as np  # noqa: PLC0415

    found = np.asarray([value for value in values if math.isfinite(value)], dtype=np.float64)
    if not len(found):
        return None
    width = _round_step((found.max() - found.min()) / COLUMNS or max(found.max(), 1.0) / COLUMNS)
    first = math.floor(found.min() / width)
    counts = np.bincount(np.floor(found / width).astype(np.int64) - first)
    median = float(np.median(found))
    low, high = np.percentile(found, [5, 95])
    words = f"Median {median:.1f} {unit}; nine in ten from {low:.1f} to {high:.1f}."
    return Histogram(title, _columns(counts.tolist(), first, width, median, unit), words)


def _columns(counts: Sequence[int], first: int, width: float, median: float, unit: str) -> str:
    """The histogram's SVG: `counts` of columns of a width, of which the one numbered `first` begins the axis."""
    begin, end, floor = first * width, (first + len(counts)) * width, HEIGHT - BOTTOM
    across, up = (WIDTH - LEFT - RIGHT) / len(counts), (floor - TOP) / max(counts)

    def x(value: float) -> float:
        return LEFT + (value / width - first) * across

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" class="chart histogram" aria-hidden="true">']
    for place, count in enumerate(counts):
        at = (first + place) * width
        label = f"{count} from {at:.3g} to {at + width:.3g} {unit}"
        height = max(count * up, 1.5) if count else 0.0
        shape = f'x="{x(at) + 0.5:.1f}" y="{floor - height:.1f}" width="{across - 1:.1f}" height="{height:.1f}"'
        parts.append(f"<rect {shape}><title>{label}</title></rect>")
    parts.append(f'<path class="axis" d="M{LEFT} {floor}H{WIDTH - RIGHT}"/>')
    for value, _ in _ticks(begin, end, 7):
        parts.append(f'<path class="axis" d="M{x(value):.1f} {floor}v5"/>')
        parts.append(_text(x(value), floor + 19, f"{value:g}", "middle"))
    side, shift = ("end", -6) if median > (begin + end) / 2 else ("start", 6)
    parts.append(f'<g class="level"><path d="M{x(median):.1f} {floor}V{TOP - 16}"/>')
    parts.append(_text(x(median) + shift, TOP - 8, f"median {median:.1f}", side) + "</g>")
    parts.append(_text(WIDTH - RIGHT, HEIGHT - 4, unit, "end") + "</svg>")
    return "".join(parts)
