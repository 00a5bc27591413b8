"""All pages look like one house, and load nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from xtts_finetune.look.templating import html_page, inert, look, may_ask_its_server

PACKAGE = Path(__file__).parents[2] / "xtts_finetune"
STYLES = sorted(file for file in PACKAGE.rglob("*.css") if file.name != "look.css")
LISTEN: dict[str, Any] = {
    "folder": "evaluation/listening/templates",
    **dict.fromkeys(("test", "take_in", "longest_name", "longest_note"), "x"),
    **dict.fromkeys(("practice", "trials", "sittings", "minutes"), 1),
    **dict.fromkeys(("qualities", "faults"), ()),
}


def test_there_is_one_template_environment_one_policy_and_one_head() -> None:
    """What would be a second one is found in any file of the package."""
    marks = {"Environment(": "look/templating.py", "default-src": "look/templating.py"}
    marks |= {"<!doctype html>": "look/templates/page.html.j2", "color-scheme: light dark": "look/look.css"}
    for mark, place in marks.items():
        found = [
            file.relative_to(PACKAGE).as_posix()
            for file in PACKAGE.rglob("*")
            if file.suffix in (".py", ".j2", ".css", ".html") and mark in file.read_text("utf-8")
        ]
        assert found == [place]


def test_a_page_runs_and_styles_itself_by_what_its_policy_names_alone() -> None:
    page = html_page("listen.html.j2", ("listen.css",), ("state.js",), {}, **LISTEN)
    policy = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)[0]
    assert "unsafe" not in policy and "default-src 'none'" in policy and "connect-src 'none'" in policy
    for tag in ("style", "script"):
        content = page.rpartition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        hashed = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{hashed}'" in policy
    assert page.partition("<style>")[2].startswith(look())
    served = html_page("listen.html.j2", ("listen.css",), ("state.js",), {}, served=True, **LISTEN)
    assert "connect-src 'self'" in served and "connect-src 'self'" in may_ask_its_server(page)


def test_a_page_without_a_script_lets_none_run() -> None:
    made = html_page("page.html.j2")
    assert "script-src 'none'" in made and "<script" not in made


def test_records_cannot_end_the_element_that_holds_them() -> None:
    hostile = "</script><script>alert(1)</script><!--\u2028&"
    assert not set("<>&\u2028") & set(inert({"text": hostile}))
    assert json.loads(inert({"text": hostile})) == {"text": hostile}


def test_day_and_night_have_the_same_colours() -> None:
    day, night = (re.findall(r"(--[\w-]+): #", part) for part in look().split("@media")[:2])
    assert len(day) > 10 and day == night


@pytest.mark.parametrize("file", STYLES, ids=lambda file: file.stem)
def test_a_page_uses_what_there_is(file: Path) -> None:
    style = file.read_text(encoding="utf-8")
    known = re.findall(r"(--[\w-]+):", look() + style)
    unknown = set(re.findall(r"var\((--[\w-]+)", style)) - set(known)
    scripts = "".join(script.read_text(encoding="utf-8") for script in file.parent.glob("*.js"))
    assert [name for name in unknown if f'"{name}"' not in scripts] == []
