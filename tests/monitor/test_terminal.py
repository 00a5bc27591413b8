"""The terminal's view: wide, narrow and on a pipe."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.monitor.made import MadeRun, evaluation
from xtts_finetune.curves.shown import EMPTY, draw
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.screen import Screen, say_once, sparkline


def shown(watch: RunWatch, width: int, height: int) -> str:
    run = watch.look()
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True, record=True)
    console.print(Screen([run], [{name: watch.curves(name) for name in watch.watched}]))
    return console.export_text()


@pytest.mark.parametrize(("width", "height"), [(200, 60), (100, 30), (71, 24), (40, 12), (20, 5)])
def test_it_fits_any_terminal(tmp_path: Path, width: int, height: int) -> None:
    made = MadeRun(tmp_path / "run")
    made.train(120)
    text = shown(RunWatch(made.run.root), width, height)
    assert all(len(line) <= width for line in text.splitlines())
    assert "mel CE" in text and "3.052" in text


def test_before_anything_is_there(tmp_path: Path) -> None:
    assert "waiting" in shown(RunWatch(tmp_path / "none"), 80, 24)


def test_warnings_stand_there_with_their_cures(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.write(*(evaluation(25 * number, 2.8 + 0.1 * number, 2.5 - 0.1 * number) for number in range(1, 7)))
    text = " ".join(shown(RunWatch(made.run.root), 100, 40).split())
    assert "The eval loss rises" in text and "raise weight_decay" in text


def test_a_pipe_gets_plain_lines(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    made.train(60)
    made.close("failed", "disk full: [no] markup", advice="Make room.")
    file = io.StringIO()
    say_once([RunWatch(made.run.root)], Console(file=file, width=120))
    text = file.getvalue()
    assert text.isascii() and "run: stopped" in text and "[no] markup" in text and "mel CE 3.389" in text


def test_a_curve_of_dots_falls_from_the_upper_left_to_the_lower_right() -> None:
    rows = draw([[(0, 1.0), (100, 0.0)]], 10, 3, 100, 0.0, 1.0)
    first = [next((x for x, (dot, _) in enumerate(row) if ord(dot) != EMPTY), -1) for row in rows]
    assert first == sorted(first) and first[0] == 0 and ord(rows[-1][-1][0]) != EMPTY
    assert all(which == 0 for row in rows for dot, which in row if ord(dot) != EMPTY)


def test_values_beyond_the_edge_and_no_numbers_are_drawn_safely() -> None:
    rows = draw([[(0, 9.0), (50, float("nan")), (100, -9.0)], []], 10, 3, 100, 0.0, 1.0)
    assert len(rows) == 3 and all(len(row) == 10 for row in rows)
    assert sparkline([1.0, float("inf"), 3.0], 5) == "▁█" and sparkline([], 5) == "" and sparkline([2.0], 5) == "▄"
