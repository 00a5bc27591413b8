"""REPORT.html: one file for people, offline, with the verdict first."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.look.templating import page_template
from xtts_finetune.pipeline.reports.collect import collect_report
from xtts_finetune.pipeline.reports.model import Report
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration


def write_report(declaration: Declaration, run: RunFolder) -> Path:
    """Write the report of whatever the run holds by now, and return its path.

    The page needs nothing beside itself: curves, style and recordings are in it. Raises UserError for a
    record that cannot be read.
    """
    write_text_atomic(run.report, render(collect_report(declaration, run)))
    return run.report


def render(report: Report) -> str:
    """The page. Everything from data sets and declarations is escaped: text never becomes markup."""
    return page_template("report.html.j2").render(report=report)
