"""RACE.html and SEARCH.html as they are opened: each line told from the others, nothing loaded, no text a tag."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from testbed.browser import chromium_or_skip
from tests.evaluation.listening.driver import open_page
from xtts_finetune.records.trials import Cost, Found, Race, Search, Standing
from xtts_finetune.trials.pages import race_page, search_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EVIL = "<script>document.title = 'mine'</script>"


def standing(name: str, end: float, evals: int = 8) -> Standing:
    points = tuple((40 * n, 2.7 + (end - 2.7) * n / 8) for n in range(evals + 1))
    out = None if evals == 8 else evals
    last = points[-1][1]
    return Standing(
        name=name, kind="train", change="a change", why=EVIL, status="done", reason="", message="", out_at=out,
        steps=10 * evals, clips=40 * evals, seconds=3.0, start=2.7, best=last, best_step=10, last=last, model="",
        points=points,
    )  # fmt: skip


def race(**changes: object) -> Race:
    ends = {"control": 2.64, "cosine": 2.5, "lr-x2": 2.6, "drops": 2.61, "lora": 2.62}
    standings = (
        *(standing(name, end) for name, end in ends.items()),
        *(standing(name, 2.69, 2) for name in ("reweighted", "fresh-optimizer", "larger-batches")),
    )
    cost = Cost(30.0, 2000, 4000, 0.6)
    made = Race("phase1", "solved", "cosine", EVIL, (2, 4, 8), 2, 10, {}, "", 0.004, "repeats", 0.01, cost, standings)
    return replace(made, **changes)  # type: ignore[arg-type]


def found(number: int, end: float) -> Found:
    points = tuple((40 * n, 2.7 + (end - 2.7) * n / 8) for n in range(9))
    values = {"learning_rate": 1e-6 * (number + 2), EVIL: 4}
    return Found(
        number=number, name=f"trial{number:03}", values=values, status="done", message="", out_at=None, steps=80,
        clips=320, seconds=3.0, best=end, best_step=80, points=points,
    )  # fmt: skip


def search(trials: int) -> Search:
    made = tuple(found(number, 2.5 + 0.01 * number) for number in range(trials))
    declared = replace(found(-1, 2.55), name="declared")
    importance = {"learning_rate": 0.75, EVIL: 0.25}
    return Search("phase1", True, EVIL, 7, (2, 4, 8), 20, "last", 0.01, importance, 60.0, declared, made)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium_or_skip() as started:
        yield started


LINES = """[...document.querySelectorAll("figure .wide svg svg > g > path")].map(path => {
  const style = getComputedStyle(path);
  return [style.stroke, style.strokeDasharray, parseFloat(style.strokeWidth)];
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_line_has_a_colour_of_its_own_and_the_control_is_the_thickest_without_one(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    file = tmp_path / "RACE.html"
    file.write_text(race_page(race()), encoding="utf-8")
    page, asked = open_page(browser, file, 1280)
    page.emulate_media(color_scheme=scheme)
    drawn = page.evaluate(LINES)
    assert len(drawn) == 8 and len({stroke for stroke, _, _ in drawn}) == 8
    assert all(one[:2] != two[:2] for one, two in pairwise(drawn))
    assert drawn[-1][0] == page.evaluate("getComputedStyle(document.body).color")
    assert drawn[-1][2] > 1.5 * drawn[0][2]
    assert asked == [] and page.title() == "Race of remedies for phase1"
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        boxes = page.locator(f"figure .{'wide' if width > 640 else 'narrow'} g text").all()
        places = [box for box in (each.bounding_box() for each in boxes) if box]
        assert len(places) >= 5
        for number, one in enumerate(places):
            for two in places[:number]:
                apart = abs(one["y"] - two["y"]) >= 11 or abs(one["x"] - two["x"]) > 90
                assert apart, (one, two)


def test_the_legend_names_every_line_and_the_control_first() -> None:
    page = race_page(race())
    named = re.findall(r'<g class="([^"]+)"><path d="M0 4H34"/></g></svg>([\w-]+)', page)
    assert named[:2] == [("control", "control"), ("c1 best", "cosine")]
    assert {name for _, name in named} == {standing.name for standing in race().standings}


def test_many_trials_have_colours_for_the_best_of_them_and_are_all_drawn() -> None:
    page = search_page(search(25))
    assert "15 others" in page and page.count('<g class="other"') == 1 + 2 * 15
    assert '<g class="c10"' in page and '<g class="control"' in page
    assert "declared, what the others are compared with" in page


@pytest.mark.parametrize("page", [race_page(race()), search_page(search(3))], ids=["race", "search"])
def test_what_records_say_is_text(page: str) -> None:
    assert "<script" not in page and "&lt;script&gt;" in page and "script-src 'none'" in page


def test_without_any_evaluation_there_is_a_page_without_a_drawing() -> None:
    none = tuple(replace(each, points=(), last=None, best=None) for each in race().standings)
    page = race_page(race(standings=none, winner=None, verdict="unfinished"))
    assert "<figure" not in page and "No winner" in page
    assert "<figure" not in search_page(replace(search(1), trials=(), declared=replace(found(0, 2.5), points=())))
