"""Who wins: not luck, not a control under another name; a remedy that helps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xtts_finetune.trials.judging import Noise, noise_around_trends, noise_of_repeats
from xtts_finetune.trials.race.result import Selection, select

EVALS, REMEDIES, DEVIATION = 8, 6, 0.01


def curve(chance: np.random.Generator, end: float, deviation: float = DEVIATION) -> list[tuple[float, float]]:
    """Evaluations on the way from 2.7 to `end`, with noise."""
    return [
        (step, 2.7 + (end - 2.7) * step / EVALS + deviation * chance.standard_normal()) for step in range(1, EVALS + 1)
    ]


def raced(chance: np.random.Generator, control_end: float, ends: list[float]) -> Selection:
    control = curve(chance, control_end)
    tail = [(step, 2.7 + DEVIATION * chance.standard_normal()) for step in range(6)]
    best = {f"remedy{i}": [min(v for _, v in curve(chance, end))] for i, end in enumerate(ends)}
    noise = noise_around_trends([control, tail])
    return select([min(v for _, v in control)], best, 2.7, noise, len(ends))


def test_where_no_remedy_does_anything_one_wins_in_fewer_than_one_of_twenty_races() -> None:
    found = [raced(np.random.default_rng(seed), 2.7, [2.7] * REMEDIES) for seed in range(400)]
    assert sum(selection.winner is not None for selection in found) <= 20
    assert sum(selection.verdict == "nothing helped" for selection in found) > 300


def test_where_the_phase_improves_by_itself_there_is_nothing_to_solve() -> None:
    found = [raced(np.random.default_rng(seed), 2.4, [2.4] * REMEDIES).verdict for seed in range(200)]
    assert found.count("nothing to solve") >= 190


def test_a_remedy_that_helps_wins() -> None:
    found = [raced(np.random.default_rng(seed), 2.7, [2.7, 2.5, *[2.7] * 4]).winner for seed in range(200)]
    assert found.count("remedy1") >= 195


def test_repeats_make_small_gains_certain() -> None:
    noise = noise_of_repeats([[2.70, 2.71, 2.69], [2.65, 2.66, 2.64]])
    assert noise.deviation == pytest.approx(0.01)
    assert noise.degrees == 4
    once = select([2.70], {"a": [2.65]}, 2.7, noise, 6)
    thrice = select([2.70, 2.71, 2.69], {"a": [2.65, 2.66, 2.64]}, 2.7, noise, 6)
    assert (once.verdict, thrice.verdict) == ("nothing helped", "solved")


def test_the_threshold_is_students_t_shared_out_over_the_remedies() -> None:
    # t(0.99, 4) = 3.74695 from tables, 5 remedies at one in twenty.
    assert Noise(0.01, 4, "").threshold(2.7, 5) == pytest.approx(3.74695 * 0.01 * math.sqrt(2), rel=1e-5)
    assert Noise(0.0, 4, "").threshold(2.7, 5) == pytest.approx(0.0027), "too small to matter"
    assert Noise(0.01, 1, "").threshold(2.7, 5) is None


def test_too_few_evaluations_are_said() -> None:
    selection = select([2.7], {"a": [1.0]}, 2.7, noise_around_trends([[(1, 2.7), (2, 2.7)]]), 6)
    assert (selection.verdict, selection.winner) == ("too noisy to tell", None)


def test_what_ended_in_nan_does_not_win_and_a_control_that_did_is_beaten() -> None:
    noise = Noise(0.001, 6, "")
    assert select([2.7], {"a": [math.nan], "b": []}, 2.7, noise, 2).winner is None
    assert select([math.nan], {"a": [2.6]}, 2.7, noise, 2).winner == "a"


def test_what_only_does_less_harm_than_the_control_is_no_solution() -> None:
    selection = select([2.9], {"a": [2.8]}, 2.7, Noise(0.001, 6, ""), 6)
    assert (selection.verdict, selection.winner) == ("nothing helped", None)
    assert "no better than the start" in selection.words


def test_the_phases_best_model_is_there_already() -> None:
    selection = select([2.7], {"a": [2.6]}, 2.7, Noise(0.001, 6, ""), 6, best_before=2.55)
    assert (selection.verdict, selection.winner) == ("nothing helped", None)
    assert "no better than the phase's best model (2.5500)" in selection.words


def test_the_trend_is_no_noise() -> None:
    falling = [(step, 3 - 0.1 * step) for step in range(8)]
    assert noise_around_trends([falling]).deviation == pytest.approx(0, abs=1e-12)
