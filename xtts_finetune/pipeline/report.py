"""REPORT.html: one file for people, offline, with the verdict first."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from xtts_finetune.pipeline.report_collect import collect_report
from xtts_finetune.pipeline.report_model import Report
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.times import duration
from xtts_finetune.spec.declaration import Declaration

if TYPE_CHECKING:
    from jinja2 import Template

UNKNOWN = "–"


def write_report(declaration: Declaration, run: RunFolder) -> Path:
    """Write the report of whatever the run holds by now, and return its path.

    The page needs nothing beside itself: curves, style and recordings are in it. Raises UserError for a
    record that cannot be read.
    """
    write_text_atomic(run.report, render(collect_report(declaration, run)))
    return run.report


def render(report: Report) -> str:
    """The page. Everything from data sets and declarations is escaped: text never becomes markup."""
    return template("report.html.j2").render(report=report)


def template(name: str) -> Template:
    """A template of a page for people: what is put in is escaped, what is missing is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  (only the pages need it)

    environment = Environment(
        loader=PackageLoader("xtts_finetune.pipeline", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, percent=percent, duration=duration)
    return environment.get_template(name)


def number(value: float | None, digits: int) -> str:
    """A number with so many digits, or a dash where it is not known."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def percent(share: float | None) -> str:
    """A change in percent with its sign: -0.305 is '−30.5 %'."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    if abs(share) < 0.0005:
        return "±0\N{NO-BREAK SPACE}%"
    sign = "−" if share < 0 else "+"
    return f"{sign}{abs(share) * 100:.1f}\N{NO-BREAK SPACE}%"
