"""The quick way to read steps gives what the parser gives, and gives way to it where a line is unusual."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.monitor.made import evaluation, level, step
from xtts_finetune.monitor.history import History, split_steps
from xtts_finetune.records.json_lines import json_line


def lines(count: int) -> list[bytes]:
    written = []
    for number in range(1, count + 1):
        written.append(
            json_line(step(number, level(number), grad_norm=1e-7 * number, stepped=number % 9 > 0).to_json())
        )
        if number % 25 == 0:
            written.append(json_line(evaluation(number, level(number), level(number) - 0.1).to_json()))
    return written


def told(text: bytes) -> object:
    history = History()
    history.add_lines(text)
    curves = {name: buckets.points() for name, buckets in history.curves.items()}
    return curves, history.evals, history.steps, history.whole_epochs, history.damaged, history.last_step


def with_a_new_key(written: list[bytes]) -> list[bytes]:
    return [line.replace(b'"epoch"', b'"new": 1, "epoch"') for line in written]


def in_another_order(written: list[bytes]) -> list[bytes]:
    return [
        line.replace(b'"clips": 3, ', b"").replace(b"}", b', "clips": 3}') if b"clips" in line else line
        for line in written
    ]


def without_spaces(written: list[bytes]) -> list[bytes]:
    return [line.replace(b": ", b":") for line in written]


@pytest.mark.parametrize("unusual", [with_a_new_key, in_another_order, without_spaces])
def test_both_ways_read_the_same(unusual: Callable[[list[bytes]], list[bytes]]) -> None:
    written = lines(700)
    usual = b"".join(written)
    assert split_steps(usual, 200) is not None and split_steps(b"".join(unusual(written)), 200) is None
    assert told(usual) == told(b"".join(unusual(written)))


@pytest.mark.parametrize("instead", [b"null", b"true", b"[1]", b"1.2.3", b"x"])
def test_a_value_that_is_no_number_is_not_read_quickly(instead: bytes) -> None:
    written = lines(30)
    written[7] = written[7].replace(b'"mel_ce": ' + str(level(8)).encode(), b'"mel_ce": ' + instead)
    assert instead in written[7]
    assert split_steps(b"".join(written), 200) is None
    history = History()
    history.add_lines(b"".join(written))
    assert history.last_step == 30 and [point[2] for point in history.curves["train_mel_ce"].points()].count(None) <= 1


def test_a_step_within_another_record_is_none() -> None:
    hidden = json_line({"kind": "eval", "note": "x"})[:-2] + b', "of": ' + lines(1)[0][:-1] + b"}\n"
    history = History()
    history.add_lines(b"".join(lines(3)) + hidden)
    assert (history.last_step, history.damaged) == (3, 1)


def test_lines_that_come_at_once_give_what_they_give_one_by_one() -> None:
    written = [*lines(300), *lines(200)[110:]]  # resumed after step 104: steps and evaluations come again
    at_once, one_by_one = History(), History()
    at_once.add_lines(b"".join(written))
    for line in written:
        one_by_one.add_lines(line)
    assert {name: curve.points() for name, curve in at_once.curves.items()} == {
        name: curve.points() for name, curve in one_by_one.curves.items()
    }
    assert at_once.evals == one_by_one.evals and at_once.curves["mel_ce"].last_step == 200
    assert at_once.curves["mel_ce"].points()[-1][2] == pytest.approx(level(200), rel=1e-4)
