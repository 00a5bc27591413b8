"""Whole listening tests of made-up voices: the calls are right, and rare where there is nothing to call."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.decision_regret import calls, most_preferred, regret
from benchmarks.regret_voices import Listeners, Qualities, rate

TRIALS = 300
LISTENERS = Listeners()


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_a_clearly_better_voice_is_called(noise: float) -> None:
    row = calls(0.8, replace(LISTENERS, noise=noise), TRIALS, 1)
    assert row["ears right"] >= 0.85
    assert row["ears wrong"] <= 0.025


def test_equal_voices_are_seldom_called_different() -> None:
    # Without a taste of their own that would make them unequal to these listeners; 2.8 % of 10 000 trials.
    row = calls(0.5, replace(LISTENERS, taste=0.0), TRIALS, 1)
    assert row["ears wrong"] <= 0.05


def test_ears_ship_the_best_more_often_than_mel_ce() -> None:
    rows = {row["way"]: row for row in regret(3, LISTENERS, TRIALS, 1)}
    assert rows["ears"]["best"] > 0.75
    assert rows["ears"]["regret"] < rows["mel CE (0.5)"]["regret"] / 3
    assert rows["ears, where decided"]["near"] > 0.97


def test_listeners_who_hear_everything_find_the_best() -> None:
    quality = np.array([[7.0, 9.0, 8.0], [9.0, 7.0, 7.5]])
    ratings = rate(np.random.default_rng(1), Qualities(quality), Listeners(noise=0.0), 40)
    assert ratings.shape == (2, 2, 40, 3)
    assert set(np.unique(ratings)) <= {-2, -1, 0, 1, 2}
    assert list(most_preferred(ratings)) == [1, 0]
