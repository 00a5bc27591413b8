"""The curve in the terminal."""

from __future__ import annotations

import math

import pytest

from xtts_finetune.curves.curves import Curves, series
from xtts_finetune.curves.shown import BEYOND, POINT, ROWS, sketch

FALLING = [(20 * n, 3.0 - 0.1 * n) for n in range(6)]


@pytest.mark.parametrize("width", [30, 80, 200])
def test_it_fits(width: int) -> None:
    lines = sketch(Curves("step", series("loss", FALLING), series("val", FALLING)), width).splitlines()
    assert len(lines) == ROWS + 3
    assert max(len(line) for line in lines[:-1]) <= width
    assert lines[0].startswith(f"{'3':>8} │{POINT}")
    assert lines[ROWS - 1].rstrip().endswith(POINT)
    assert lines[ROWS + 1].split() == ["0", "step", "100"]


def test_points_are_where_they_belong() -> None:
    drawn = sketch(Curves("epoch", evaluation=series("val", FALLING)), 120).splitlines()[:ROWS]
    places = [(row, column) for row, line in enumerate(drawn) for column, sign in enumerate(line) if sign == POINT]
    assert len(places) == 6
    assert [row for row, _ in places] == sorted(row for row, _ in places)
    assert [column for _, column in places] == sorted(column for _, column in places)


def test_what_explodes_does_not_flatten_the_rest() -> None:
    points = [*FALLING, (120, 4000.0), (140, math.nan), (160, math.inf)]
    drawn = sketch(Curves("step", evaluation=series("val", points)), 80)
    assert drawn.count(POINT) == 6 + 1  # and one in the legend
    assert drawn.count(BEYOND) == 1


@pytest.mark.parametrize("values", [[], [2.7], [2.7, 2.7], [0.0, 0.0], [math.nan]])
def test_little_or_nothing(values: list[float]) -> None:
    drawn = sketch(Curves("step", evaluation=series("val", enumerate(values))), 80)
    assert bool(drawn) == any(math.isfinite(value) for value in values)
