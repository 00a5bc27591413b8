"""Numbers in pages for people."""

from __future__ import annotations

import pytest

from xtts_finetune.look.templating import number, percent


@pytest.mark.parametrize(
    "value, digits, words",
    [(2.4314, 3, "2.431"), (None, 3, "–"), (float("nan"), 3, "–"), (0.02764, 4, "0.0276")],
)
def test_numbers(value: float | None, digits: int, words: str) -> None:
    assert number(value, digits) == words


@pytest.mark.parametrize(
    "share, words", [(-0.3049, "−30.5\xa0%"), (0.01, "+1.0\xa0%"), (0.0001, "±0\xa0%"), (None, "–")]
)
def test_changes(share: float | None, words: str) -> None:
    assert percent(share) == words
