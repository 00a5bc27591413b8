"""DATA.html: what was found in the data, one file for people, offline."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.look.templating import page_template
from xtts_finetune.pipeline.reports.data_collect import collect_data
from xtts_finetune.pipeline.reports.data_model import DataPage
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration


def write_data_page(declaration: Declaration, run: RunFolder) -> Path:
    """Write the page from the records of the clips, and return its path.

    It needs nothing beside itself, but for the recordings that it only names. Raises UserError for a record
    that cannot be read.
    """
    write_text_atomic(run.data_page, render_data(collect_data(declaration, run)))
    return run.data_page


def render_data(page: DataPage) -> str:
    """The page. Everything from data sets and declarations is escaped: text never becomes markup."""
    return page_template("data.html.j2").render(page=page)
