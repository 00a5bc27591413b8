"""All pages look like one house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xtts_finetune.look.style import look
from xtts_finetune.look.templating import page_template
from xtts_finetune.monitor.page.document import page

PACKAGE = Path(__file__).parents[2] / "xtts_finetune"
STYLES = sorted(file for file in PACKAGE.rglob("*.css") if file.name != "look.css")


def test_every_page_begins_with_it() -> None:
    assert f"<style>{look()}" in page("voice", "today")
    for name in ("report.html.j2", "data.html.j2"):
        template = page_template(name)
        source, _, _ = template.environment.loader.get_source(template.environment, name)
        assert "<style>\n{{ look }}\n" in source and template.globals["look"] == look()


def test_day_and_night_have_the_same_colours() -> None:
    day, night = (re.findall(r"(--[\w-]+): #", part) for part in look().split("@media"))
    assert len(day) > 10 and day == night


@pytest.mark.parametrize("file", STYLES, ids=lambda file: file.stem)
def test_a_page_uses_what_there_is(file: Path) -> None:
    style = file.read_text(encoding="utf-8")
    beside = PACKAGE / "look/templates/report.css" if file.name == "data.css" else file
    known = re.findall(r"(--[\w-]+):", look() + style + beside.read_text(encoding="utf-8"))
    unknown = set(re.findall(r"var\((--[\w-]+)", style)) - set(known)
    scripts = "".join(script.read_text(encoding="utf-8") for script in file.parent.glob("*.js"))
    assert [name for name in unknown if f'"{name}"' not in scripts] == []
