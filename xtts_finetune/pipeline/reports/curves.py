"""The report's curves: mel CE and text CE over all phases, one after the other, as inline SVG."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xtts_finetune.pipeline.reports.model import Curves
from xtts_finetune.records.metrics import EvalRecord, Metrics

# Drawn in these colours, which stand for the page's own: so one drawing suits light and dark.
INK, MUTED, LINE, EVAL, TRAIN, BASE, BAND = (f"#0{n}0{n}0{n}" for n in range(1, 8))
PAGE_COLOURS = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    EVAL: "--accent",
    TRAIN: "--accent-soft",
    BASE: "--warm",
    BAND: "--band",
}
# The training curve is drawn as means of as many steps as it takes to keep the page small.
TRAIN_POINTS = 240


@dataclass(frozen=True)
class _Panel:
    """One of the two curves: which numbers, in which unit."""

    title: str
    metric: str
    train_metric: str
    train_factor: float
    digits: int


PANELS = (
    _Panel("mel CE (nats)", "mel_ce", "mel_ce", 1.0, 3),
    _Panel("text CE (0.01 nats)", "text_ce", "text_ce_nats", 0.01, 4),
)


def draw_curves(phases: Sequence[tuple[str, Metrics]], base: EvalRecord | None) -> Curves | None:
    """Draw the phases that have trained, in their order; None when none has.

    The x axis counts optimizer steps over all phases: each phase starts where the one before it ended.
    """
    trained = [(name, metrics) for name, metrics in phases if _length(metrics) > 0]
    if not trained:
        return None
    wide = _draw(trained, base, width=10.0, height=5.4, name="wide")
    narrow = _draw(trained, base, width=4.1, height=5.6, name="narrow")
    return Curves(wide, narrow, _in_words(trained, base))


def _length(metrics: Metrics) -> int:
    return max([r.step for r in metrics.steps] + [r.step for r in metrics.evals], default=0)


def _draw(
    phases: Sequence[tuple[str, Metrics]], base: EvalRecord | None, width: float, height: float, name: str
) -> str:
    import matplotlib as mpl  # noqa: PLC0415  (heavy; only the report draws)
    from matplotlib.figure import Figure  # noqa: PLC0415

    # Text stays text, so that the page's font and zoom reach it; the salt makes ids the same every time.
    look = {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9.0, "text.color": INK}
    with mpl.rc_context(look):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        for axis, panel in zip(axes, PANELS, strict=True):
            _draw_panel(axis, panel, phases, base)
        for axis in axes:
            _label_phases(axis, phases)
        axes[1].set_xlabel("optimizer steps, the phases one after the other", color=MUTED)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return for_the_page(file.getvalue(), name)


def _draw_panel(
    axis: Any, panel: _Panel, phases: Sequence[tuple[str, Metrics]], base: EvalRecord | None
) -> None:
    start = 0
    shown: list[float] = []
    for number, (_, metrics) in enumerate(phases):
        end = start + _length(metrics)
        if number % 2 == 0:
            axis.axvspan(start, end, color=BAND, linewidth=0, zorder=0)
        steps, values = _thinned(metrics, panel)
        axis.plot([start + step for step in steps], values, color=TRAIN, linewidth=1.1, zorder=2)
        evals = [(start + e.step, getattr(e, panel.metric)) for e in metrics.evals]
        marker = "o" if len(evals) <= 40 else ""
        axis.plot(
            *zip(*evals, strict=True), color=EVAL, linewidth=2.2, marker=marker, markersize=3.2, zorder=4
        )
        _mark_best(axis, panel, metrics, start)
        shown += [value for _, value in evals] + sorted(values)[
            len(values) // 50 : len(values) - len(values) // 50
        ]
        start = end
    if base is not None:
        level = getattr(base, panel.metric)
        axis.axhline(level, color=BASE, linewidth=1.4, linestyle=(0, (5, 4)), zorder=3)
        shown.append(level)
    _set_limits(axis, [value for value in shown if math.isfinite(value)], start)
    # Between title and drawing there is a line for the names of the phases.
    axis.set_title(panel.title, loc="left", fontsize=10, color=INK, fontweight="bold", pad=19)
    axis.grid(axis="y", color=LINE, linewidth=0.7)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelcolor=MUTED)
    axis.locator_params(axis="x", nbins=6, integer=True)
    axis.locator_params(axis="y", nbins=6)


def _thinned(metrics: Metrics, panel: _Panel) -> tuple[list[float], list[float]]:
    """The training curve as means over stretches of steps; values that are no number are left out."""
    points = [
        (record.step, getattr(record, panel.train_metric) * panel.train_factor) for record in metrics.steps
    ]
    points = [(step, value) for step, value in points if math.isfinite(value)]
    size = max(1, -(-len(points) // TRAIN_POINTS))
    stretches = [points[i : i + size] for i in range(0, len(points), size)]
    steps = [sum(step for step, _ in stretch) / len(stretch) for stretch in stretches]
    values = [sum(value for _, value in stretch) / len(stretch) for stretch in stretches]
    return steps, values


def _mark_best(axis: Any, panel: _Panel, metrics: Metrics, start: int) -> None:
    best = metrics.best
    if best is None:
        return
    value = getattr(best, panel.metric)
    axis.plot(
        [start + best.step],
        [value],
        "o",
        clip_on=False,
        markersize=8,
        markerfacecolor="none",
        markeredgecolor=EVAL,
        zorder=5,
    )
    # Towards the middle of its phase, so that no label leaves the drawing.
    late = best.step > _length(metrics) / 2
    axis.annotate(
        f"{value:.{panel.digits}f}",
        (start + best.step, value),
        xytext=(-4 if late else 4, 8),
        textcoords="offset points",
        ha="right" if late else "left",
        color=EVAL,
        fontweight="bold",
    )


def _set_limits(axis: Any, values: Sequence[float], end: int) -> None:
    axis.set_xlim(0, end)
    if values:
        low, high = min(values), max(values)
        room = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
        axis.set_ylim(low - room, high + room)


def _label_phases(axis: Any, phases: Sequence[tuple[str, Metrics]]) -> None:
    start = 0
    for name, metrics in phases:
        middle = start + _length(metrics) / 2
        axis.text(middle, 1.02, name, transform=axis.get_xaxis_transform(), ha="center", color=MUTED)
        start += _length(metrics)


def for_the_page(svg: str, name: str) -> str:
    """Only the <svg> element, as wide as its place on the page, in the page's colours, with ids of its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for before in (' id="', "url(#", 'href="#'):
        svg = svg.replace(before, f"{before}{name}-")
    # The page hides the drawing from screen readers and says its words instead.
    svg = svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    for colour, name in PAGE_COLOURS.items():
        svg = svg.replace(colour, f"var({name})")
    return svg


def _in_words(phases: Sequence[tuple[str, Metrics]], base: EvalRecord | None) -> str:
    sentences = [] if base is None else [f"The base has a mel CE of {base.mel_ce:.3f}."]
    for name, metrics in phases:
        initial, best, final = metrics.initial, metrics.best, metrics.final
        if initial is not None and best is not None and final is not None:
            sentences.append(
                f"{name} started at {initial.mel_ce:.3f}, was best at step {best.step} with {best.mel_ce:.3f}"
                f" and ended at step {_length(metrics)}, last evaluated at {final.mel_ce:.3f}."
            )
    return " ".join(sentences)
