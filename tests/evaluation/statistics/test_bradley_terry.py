"""Strengths from pairs: the textbook's answer, the truth of made-up voices, and no infinity."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from xtts_finetune.evaluation.statistics import bradley_terry
from xtts_finetune.evaluation.statistics.bradley_terry import preferred_share, rank_by_strength, strengths


def test_agrisettis_baseball(monkeypatch: pytest.MonkeyPatch) -> None:
    """The American League East of 1987 (A. Agresti, Categorical Data Analysis, 2nd edition, section 10.6)."""
    monkeypatch.setattr(bradley_terry, "PRIOR_TIES", 0.0)
    # Milwaukee, Detroit, Toronto, New York, Boston, Cleveland, Baltimore
    wins = [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
    logs = np.log(strengths(np.array(wins, dtype=float)))
    published = [1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0]
    assert logs - logs[-1] == pytest.approx(published, abs=0.01)


def test_with_two_the_share_is_that_of_the_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bradley_terry, "PRIOR_TIES", 0.0)
    shares = preferred_share(strengths(np.array([[0.0, 15.0], [5.0, 0.0]])))
    assert shares == pytest.approx([0.75, 0.25], abs=1e-6)


def test_who_wins_everything_is_not_infinitely_strong() -> None:
    shares = preferred_share(strengths(np.array([[0.0, 20.0], [0.0, 0.0]])))
    assert 0.95 < shares[0] < 1
    level = preferred_share(strengths(np.zeros((3, 3))))
    assert level == pytest.approx([0.5] * 3)


def heard(win: Callable[[str, str, int], float], sentences: int) -> dict[tuple[str, str], dict[str, float]]:
    pairs = combinations("abc", 2)
    return {pair: {f"s{n}": win(*pair, n) for n in range(sentences)} for pair in pairs}


def test_the_order_and_how_sure_it_is() -> None:
    clear = rank_by_strength(heard(lambda first, second, n: 1.0 if n % 5 else -1.0, 20), "abc", 1)
    assert clear["c"].strength > clear["b"].strength > clear["a"].strength
    assert clear["c"].low > clear["a"].high
    assert clear["c"].first > 0.95
    level = rank_by_strength(heard(lambda first, second, n: float(n % 2) - 0.5, 20), "abc", 1)
    assert {name: each.strength for name, each in level.items()} == pytest.approx(dict.fromkeys("abc", 0.5))
    assert sum(each.first for each in level.values()) == pytest.approx(1)


def test_ties_are_half_a_win_each_and_the_seed_settles_the_rest() -> None:
    ties = heard(lambda first, second, n: 0.0, 20)
    ranked = rank_by_strength(ties, "abc", 1)
    assert ranked["a"].strength == ranked["a"].low == pytest.approx(0.5)
    some = heard(lambda first, second, n: 1.0 if n % 3 else -1.0, 15)
    assert rank_by_strength(some, "abc", 5) == rank_by_strength(some, "abc", 5)
