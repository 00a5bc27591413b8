"""A search for people: the table's rows, the values to copy, and SEARCH.html with curves and importances."""

from __future__ import annotations

import io
from collections.abc import Mapping
from html import escape
from typing import Any

import yaml

from xtts_finetune.pipeline.reports.curves import BASE, EVAL, INK, LINE, MUTED, TRAIN, for_the_page
from xtts_finetune.quantities import duration
from xtts_finetune.records.trials import Found, Search
from xtts_finetune.trials.race.page import STYLE
from xtts_finetune.trials.search.space import label_of, with_values


def headings(search: Search) -> tuple[str, ...]:
    """The table's columns."""
    return ("", "trial", *_keys(search), "mel_ce", "to declared", "step", "clips", "time", "how far")


def table_rows(search: Search) -> list[tuple[str, ...]]:
    """The trials as rows of text, the best first, the declared values last."""
    ranked = [(str(place), found) for place, found in enumerate(search.ranked, start=1)]
    return [_row(search, place, found) for place, found in (*ranked, ("", search.declared))]


def values_yaml(found: Found) -> str:
    """A trial's values as a phase's file holds them."""
    return yaml.safe_dump(with_values({}, found.values), sort_keys=False, allow_unicode=True)


def search_page(search: Search) -> str:
    """The page of a search; every text in it is escaped."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings(search))
    rows = "".join(
        f"<tr{' class=won' if search.best is not None and cells[1] == search.best.name else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for cells in table_rows(search)
    )
    best = (
        f"<h2>In phases/{escape(search.phase)}.yaml</h2><pre>{escape(values_yaml(search.best))}</pre>"
        if search.best
        else ""
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Search for {escape(search.phase)}</title><style>{STYLE}</style></head><body>"
        f"<h1>Search for {escape(search.phase)}</h1><p>{escape(search.words)}.</p>{draw_search(search)}"
        f"<div class=wide-only><table><tr>{head}</tr>{rows}</table></div>{best}</body></html>\n"
    )


def draw_search(search: Search) -> str:
    """mel_ce over clips seen, a line for each trial, beside the importance of each key, as inline SVG."""
    import matplotlib as mpl  # noqa: PLC0415  (heavy; only pages draw)
    from matplotlib.figure import Figure  # noqa: PLC0415

    look = {"svg.fonttype": "none", "svg.hashsalt": "search", "font.size": 9.0, "text.color": INK}
    with mpl.rc_context(look):
        figure = Figure(figsize=(10.0, 4.4), layout="constrained")
        curves, bars = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_curves(curves, search)
        _draw_importance(bars, search.importance)
        for axis in (curves, bars):
            axis.spines[:].set_visible(False)
            axis.tick_params(length=0, labelcolor=MUTED)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return for_the_page(file.getvalue(), "search")


def _draw_curves(axis: Any, search: Search) -> None:
    for found in (*reversed(search.ranked), search.declared):
        points = [(clips, value) for clips, value in found.points if value is not None]
        if not points:
            continue
        best = search.best is not None and found.name == search.best.name
        declared = found.name == search.declared.name
        colour = EVAL if best else BASE if declared else TRAIN
        axis.plot(*zip(*points, strict=True), color=colour, linewidth=2.2 if best or declared else 1.2)
        if best or declared:
            axis.annotate(found.name, points[-1], xytext=(4, 0), textcoords="offset points", color=colour)
    axis.set_title("mel CE on the eval set (nats)", loc="left", fontsize=10, color=INK, fontweight="bold")
    axis.set_xlabel("clips seen", color=MUTED)
    axis.grid(axis="y", color=LINE, linewidth=0.7)
    axis.margins(x=0.12)


def _draw_importance(axis: Any, importance: Mapping[str, float]) -> None:
    axis.set_title("importance (PED-ANOVA)", loc="left", fontsize=10, color=INK, fontweight="bold")
    if not importance:
        axis.text(0.5, 0.5, "too few trials to tell", ha="center", color=MUTED, transform=axis.transAxes)
        axis.set_xticks([])
        axis.set_yticks([])
        return
    keys = list(importance)[::-1]
    axis.barh(keys, [importance[key] for key in keys], color=EVAL, height=0.55)
    for place, key in enumerate(keys):
        axis.text(importance[key], place, f" {importance[key]:.0%}", va="center", color=MUTED)
    axis.set_xlim(0, 1.15 * max(importance.values()) or 1.0)
    axis.set_xticks([])


def _keys(search: Search) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for found in search.trials for key in found.values))


def _row(search: Search, place: str, found: Found) -> tuple[str, ...]:
    gain = ""
    if found.best is not None and search.declared.best is not None and found.name != search.declared.name:
        gain = f"{found.best - search.declared.best:+.4f}"
    how_far = "failed" if found.status == "failed" else "to the end"
    if found.out_at is not None:
        how_far = f"out at evaluation {found.out_at}"
    return (
        place,
        found.name,
        *(_shown(found.values[key]) if key in found.values else "" for key in _keys(search)),
        "-" if found.best is None else f"{found.best:.4f}",
        gain,
        "-" if found.best_step is None else str(found.best_step),
        str(found.clips),
        duration(found.seconds),
        how_far,
    )


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else label_of(value)
