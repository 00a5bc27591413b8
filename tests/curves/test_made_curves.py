"""Curves whose truth is known. benchmarks/diagnosis_accuracy.py asks the same of thousands."""

from __future__ import annotations

from collections import Counter

import pytest

from testbed.known_curves import DEMO_NOISE, Case, all_cases, line
from xtts_finetune.curves.diagnosis import diagnose
from xtts_finetune.curves.verdict import judge

CASES = all_cases()
SEEDS = range(4)
TRUTHS = ("falling", "plateau", "oscillating", "exploding", "overfitting", "too short")


@pytest.fixture(scope="module")
def verdicts() -> list[tuple[Case, str]]:
    return [(case, judge(case.curves(seed)).verdict) for case in CASES for seed in SEEDS]


def test_there_are_enough_and_all_kinds() -> None:
    assert len({case.name for case in CASES}) >= 60
    assert {case.truth for case in CASES} == set(TRUTHS)


def test_right_on_nearly_all(verdicts: list[tuple[Case, str]]) -> None:
    wrong = Counter(f"{case.name}: {found}" for case, found in verdicts if found != case.truth)
    assert wrong.total() <= 0.05 * len(verdicts), wrong


@pytest.mark.parametrize("truth", TRUTHS)
def test_no_kind_is_neglected(verdicts: list[tuple[Case, str]], truth: str) -> None:
    found = Counter(verdict for case, verdict in verdicts if case.truth == truth)
    assert found[truth] >= 0.85 * found.total(), found


def test_what_falls_is_never_a_plateau(verdicts: list[tuple[Case, str]]) -> None:
    falling = [(case, found) for case, found in verdicts if case.truth == "falling"]
    assert sum(case.noise <= DEMO_NOISE for case, _ in falling) >= 60
    assert [case.name for case, found in falling if found == "plateau"] == []


@pytest.mark.parametrize("noise", [DEMO_NOISE, 0.01])
def test_at_the_margin_a_plateau_is_as_rare_as_promised(noise: float) -> None:
    """The test of equivalence is wrong at most once in twenty on a fall that is just worth waiting for."""
    just = Case("just worth waiting for", "falling", 20, noise, line(3.0 + 0.006 * 19, 3.0))
    found = Counter(judge(just.curves(seed)).verdict for seed in range(300))
    assert found["plateau"] <= 0.08 * 300, found  # 5 % of 300 are 15, and three standard deviations more are 26


def test_another_margin_can_be_asked_for() -> None:
    slow = Case("1 % in ten", "falling", 30, 0.001, line(3.0 + 0.003 * 29, 3.0)).curves(1)
    assert diagnose(slow).verdict == "plateau"
    assert diagnose(slow, relevant=0.005).verdict == "falling"


def test_neither_unit_nor_scale_matters() -> None:
    from xtts_finetune.curves.curves import Curves, series

    for case in CASES[::5]:
        curves = case.curves(0)
        points = zip(curves.evaluation.positions, curves.evaluation.values, strict=True)
        other = series("x", [(place * 40 + 7, 100 * number) for place, number in points])
        assert (
            judge(Curves("epoch", evaluation=other)).verdict
            == judge(Curves("step", evaluation=curves.evaluation)).verdict
        )
