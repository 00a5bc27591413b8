"""What is drawn: every value in its place, names that can be read, words for who cannot see it."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest

from xtts_finetune.look.charts import Line, Panel, apart, draw_histogram, draw_lines

FALLING = [(0.0, 3.0), (10.0, 2.0), (20.0, 1.0)]


def labels(svg: str) -> dict[str, tuple[float, float]]:
    """The words of a drawing with where they are."""
    found = re.findall(r'<text(?: class="\w+")? x="([\d.-]+)" y="([\d.-]+)"[^>]*>([^<]*)</text>', svg)
    return {words: (float(x), float(y)) for x, y, words in found}


def test_a_curve_lies_along_the_axes() -> None:
    drawn = draw_lines([Panel("mel CE", [Line("eval", FALLING)])], "steps", "falling").wide
    words = labels(drawn)
    (path,) = re.findall(r'<g class="eval"><path d="M([^"]+)"', drawn)
    points = [tuple(map(float, point.split())) for point in path.split("L")]
    for (x, y), (step, value) in zip(points, FALLING, strict=True):
        assert x == pytest.approx(words[f"{step:.0f}"][0], abs=0.2)
        assert y == pytest.approx(words[f"{value:.1f}"][1] - 4, abs=0.2)


def test_a_value_that_is_no_number_leaves_a_gap_and_nothing_at_all_is_an_empty_drawing() -> None:
    line = Line("eval", [(0, 3.0), (1, 2.9), (2, math.nan), (3, 2.8), (4, 2.7)], dots=True)
    drawn = draw_lines([Panel("mel CE", [line])], "steps", "").wide
    (path,) = re.findall(r'<g class="eval"><path d="([^"]+)"', drawn)
    assert (path.count("M"), path.count("L"), drawn.count("<circle")) == (2, 2, 4)
    assert "nan" not in draw_lines([Panel("mel CE", [Line("eval", [(0, math.nan)])])], "steps", "").wide


@pytest.mark.parametrize("wanted", [[10, 11, 12, 300], [5, 5, 5, 5], [290, 295, 299], [10, 100, 200]])
def test_names_at_the_ends_of_lines_never_lie_on_each_other(wanted: list[float]) -> None:
    places = apart(wanted, 16, 0, 300)
    assert all(later - earlier >= 16 for earlier, later in pairwise(places))
    assert all(0 <= place <= 300 for place in places)
    if wanted == [10, 100, 200]:
        assert places == wanted


def test_lines_that_end_early_are_named_where_there_is_room() -> None:
    lines = [Line("c1", FALLING, "first"), Line("c2", FALLING[:2], "second")]
    drawn = draw_lines([Panel("mel CE", lines)], "steps", "")
    assert {"first", "second"} <= set(labels(drawn.wide))
    assert "first" in labels(drawn.narrow) and "second" not in labels(drawn.narrow)


def test_names_are_text() -> None:
    drawn = draw_lines([Panel("<b>", [Line("c1", FALLING, "<script>")])], "a & b", "").wide
    assert "<b>" not in drawn and "<script>" not in drawn and "a &amp; b" in drawn


@pytest.mark.parametrize("values", [[1.0], [2.0] * 50, [0.0], [0.5, 11.6], [0.001, 5_000.0, float("nan")]])
def test_any_values_make_a_histogram(values: list[float]) -> None:
    drawn = draw_histogram("Length", "seconds", values)
    assert drawn is not None
    counts = [int(count) for count in re.findall(r"<title>(\d+) from", drawn.svg)]
    assert sum(counts) == sum(value == value for value in values) and len(counts) <= 60


def test_no_values_make_no_histogram() -> None:
    assert draw_histogram("Length", "seconds", []) is None
