"""RACE.html: the curves and the table of a race on one page without requests."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from html import escape

from xtts_finetune.pipeline.reports.curves import BASE, EVAL, INK, LINE, MUTED, TRAIN, for_the_page
from xtts_finetune.records.trials import VERDICTS, Race
from xtts_finetune.trials.race.remedies import CONTROL
from xtts_finetune.trials.race.text import HEADINGS, cost_words, sentence, table_rows

STYLE = """
:root{--ink:#1d2530;--muted:#5c6773;--line:#dfe4ea;--accent:#1f6feb;--accent-soft:#9bbcf0;--warm:#b4540a;
--band:#f5f7fa;--page:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--muted:#9aa5b1;--line:#333b45;--accent:#6ea8fe;
--accent-soft:#3d5f91;--warm:#f0a15e;--band:#1b2129;--page:#12161b}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:62rem;margin:2rem auto;
padding:0 1rem}
svg{width:100%;height:auto}.wide-only{overflow-x:auto}table{border-collapse:collapse;width:100%}
td,th{padding:.35rem .7rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
td:nth-child(2),th:nth-child(2),td:last-child{text-align:left}tr.won{font-weight:600}
.words{color:var(--muted)}.narrow{display:none}.unseen{position:absolute;width:1px;height:1px;overflow:hidden;
clip-path:inset(50%)}@media(max-width:40rem){.wide{display:none}.narrow{display:block}}
"""


def race_page(race: Race) -> str:
    """The page of a race; every text in it is escaped."""
    rows = "".join(
        f"<tr{' class=won' if cells[1].removesuffix(' *') == race.winner else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for cells in table_rows(race)
    )
    headings = "".join(f"<th>{escape(heading)}</th>" for heading in HEADINGS)
    changes = "".join(
        f"<li><b>{escape(s.name)}</b>: {escape(s.change)}. <span class=words>Because {escape(s.why)}.</span></li>"
        for s in race.ranked
    )
    costs = "".join(f"<p>{escape(sentence(words))}</p>" for words in cost_words(race))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Race of remedies for {escape(race.phase)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(race.winner or 'No winner')}</h1>"
        f"<p>Race of remedies for {escape(race.phase)}: {escape(VERDICTS[race.verdict])}. "
        f"{escape(sentence(race.words))}</p>"
        f"{_drawings(race)}<div class=wide-only><table><tr>{headings}</tr>{rows}</table></div>"
        f"<h2>What each changes</h2><ul>{changes}</ul><h2>What it cost</h2>{costs}</body></html>\n"
    )


def _drawings(race: Race) -> str:
    """The drawing for wide and for narrow windows, and what it shows in words for those who do not see it."""
    ends = [f"{s.name} {s.last:.4f}" for s in race.ranked if s.last is not None]
    words = f"mel CE over clips seen. The last value of each: {', '.join(ends)}." if ends else ""
    wide, narrow = (
        draw_race(race, width, height, name)
        for width, height, name in ((10.0, 4.6, "wide"), (4.1, 4.4, "narrow"))
    )
    return f"<div class=wide>{wide}</div><div class=narrow>{narrow}</div><p class=unseen>{escape(words)}</p>"


def draw_race(race: Race, width: float, height: float, name: str) -> str:
    """mel_ce over clips seen, one line a remedy, as inline SVG; '' before anything was evaluated twice."""
    drawn = [standing for standing in race.ranked if len(standing.points) > 1]
    if not drawn:
        return ""
    import matplotlib as mpl  # noqa: PLC0415  (heavy; only pages draw)
    from matplotlib.figure import Figure  # noqa: PLC0415

    look = {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9.0, "text.color": INK}
    with mpl.rc_context(look):
        figure = Figure(figsize=(width, height), layout="constrained")
        axis = figure.subplots()
        labels: list[tuple[tuple[int, float], str, str]] = []
        for standing in drawn:
            points = [(clips, value) for clips, value in standing.points if value is not None]
            colour = BASE if standing.name == CONTROL else EVAL if standing.name == race.winner else TRAIN
            axis.plot(*zip(*points, strict=True), color=colour, linewidth=2.0, marker="o", markersize=3)
            labels.append((points[-1], standing.name, colour))
        axis.set_title("mel CE on the eval set (nats)", loc="left", fontsize=10, color=INK, fontweight="bold")
        axis.set_xlabel("clips seen since the start of the race", color=MUTED)
        axis.grid(axis="y", color=LINE, linewidth=0.7)
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0, labelcolor=MUTED)
        end = max(clips for standing in drawn for clips, _ in standing.points)
        axis.set_xlim(0, end * (1.15 if width > 5 else 1.45))
        heights = _apart([point[1] for point, _, _ in labels], axis.get_ylim(), height)
        for (point, label, colour), y in zip(labels, heights, strict=True):
            axis.annotate(
                label, (point[0], y), xytext=(6, 0), textcoords="offset points", color=colour, va="center"
            )
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return for_the_page(file.getvalue(), name)


def _apart(values: Sequence[float], limits: tuple[float, float], height: float) -> list[float]:
    """Heights for labels at these values, moved up where they would lie on each other."""
    line = 0.17 / height * (limits[1] - limits[0])
    placed: dict[int, float] = {}
    lowest = -math.inf
    for index in sorted(range(len(values)), key=lambda index: values[index]):
        placed[index] = lowest = max(values[index], lowest + line)
    return [placed[index] for index in range(len(values))]
