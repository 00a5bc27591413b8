"""RACE.html and SEARCH.html: curves and tables on one page without requests; and the rows of a search's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from xtts_finetune.look.charts import COLOURS, Chart, Line, Panel, draw_lines
from xtts_finetune.look.quantities import duration
from xtts_finetune.look.templating import html_page
from xtts_finetune.records.trials import VERDICTS, Found, Judged, Race, Search
from xtts_finetune.trials.race.remedies import CONTROL
from xtts_finetune.trials.race.text import HEADINGS, cost_words, sentence, table_rows
from xtts_finetune.trials.search.space import label_of, with_values


def race_page(race: Race) -> str:
    """The page of a race; every text in it is escaped."""
    control = next((standing for standing in race.ranked if standing.name == CONTROL), None)
    others = [standing for standing in race.ranked if standing.name != CONTROL]
    drawn, looks = draw_trials(others, control, race.winner, "clips seen since the start of the race")
    return html_page(
        "race.html.j2",
        race=race,
        verdict=sentence(VERDICTS[race.verdict]),
        words=sentence(race.words),
        drawn=drawn,
        looks=looks,
        headings=HEADINGS,
        rows=table_rows(race),
        costs=[sentence(words) for words in cost_words(race)],
    )


def search_headings(search: Search) -> tuple[str, ...]:
    """The table's columns."""
    return ("", "trial", *_keys(search), "mel_ce", "against the config", "step", "clips", "time", "how far")


def search_rows(search: Search) -> list[tuple[str, ...]]:
    """The trials as rows of text, the best first, the declared values last."""
    places = search.places
    ranked = [_row(search, str(places[found.name]), found) for found in search.ranked]
    return [*ranked, _row(search, "", search.declared)]


def values_yaml(found: Found) -> str:
    """A trial's values as a phase's file holds them."""
    return yaml.safe_dump(with_values({}, found.values), sort_keys=False, allow_unicode=True)


def search_page(search: Search) -> str:
    """The page of a search; every text in it is escaped."""
    best = search.best
    drawn, looks = draw_trials(search.ranked, search.declared, None if best is None else best.name, "clips seen")
    return html_page(
        "search.html.j2",
        search=search,
        drawn=drawn,
        looks=looks,
        headings=search_headings(search),
        rows=search_rows(search),
        values="" if best is None else values_yaml(best),
    )


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


def draw_trials(
    ranked: Sequence[Judged], control: Judged | None, best: str | None, below: str
) -> tuple[Chart | None, dict[str, str]]:
    """mel_ce over clips seen, a line for each, and the legend; None before anything was evaluated twice.

    The best of `ranked` have colours of their own. What they are compared with, `control`, lies over them all.
    """
    seen = {each.name: _points(each) for each in (*ranked, *([control] if control else []))}
    named = [each.name for each in ranked if len(seen[each.name]) > 1]
    looks = {name: f"c{number}" for number, name in enumerate(named[:COLOURS], start=1)}
    lines = [Line("other", seen[name]) for name in named[COLOURS:]]
    for name, look in reversed(looks.items()):
        lines.append(Line(f"{look} best" if name == best else look, seen[name], name, dots=True))
    legend = {line.look: line.label for line in reversed(lines) if line.label}
    if len(named) > COLOURS:
        legend["other"] = f"{len(named) - COLOURS} others"
    if control is not None and len(seen[control.name]) > 1:
        lines.append(Line("control", seen[control.name], control.name, dots=True))
        legend = {"control": f"{control.name}, what the others are compared with", **legend}
    if not lines:
        return None, {}
    ends = [f"{line.label} {line.points[-1][1]:.4f}" for line in reversed(lines) if line.label]
    words = f"mel CE over clips seen. The last value of each: {', '.join(ends)}."
    return draw_lines([Panel("mel CE on the eval set (nats)", lines)], below, words), legend


def _points(each: Judged) -> list[tuple[float, float]]:
    return [(float(clips), value) for clips, value in each.points if value is not None]
