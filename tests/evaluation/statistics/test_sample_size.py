"""How many more sentences would settle it."""

from __future__ import annotations

import pytest

from xtts_finetune.evaluation.statistics.preferences import Counts, more_for_mark, more_for_preference


@pytest.mark.parametrize(
    "counts, more",
    [
        (Counts(4, 16), 0),
        (Counts(5, 15), 7),
        (Counts(6, 14), 20),
        (Counts(14, 6), 20),
        (Counts(9, 11), None),
        (Counts(10, 10), None),
        (Counts(0, 0, 20), None),
        (Counts(3, 7, 10), 60),
    ],
)
def test_for_a_preference(counts: Counts, more: int | None) -> None:
    assert more_for_preference(counts) == more


@pytest.mark.parametrize(
    "rated, distance, half_width, more",
    [(20, 0.5, 0.4, 0), (20, 0.25, 0.5, 61), (20, 0.4, 0.5, 12), (20, 0.01, 0.5, None), (20, 0.0, 0.5, None)],
)
def test_for_a_mark(rated: int, distance: float, half_width: float, more: int | None) -> None:
    assert more_for_mark(rated, distance, half_width) == more
