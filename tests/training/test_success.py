"""Success levels limit by limit, the level reached, the scenario, and what only ears can tell."""

from __future__ import annotations

import math

import pytest

from xtts_finetune.records.candidates.facts import LimitCheck
from xtts_finetune.records.metrics import EvalRecord, Metrics
from xtts_finetune.records.stopping import Reason
from xtts_finetune.spec.stop_rules import SuccessGoal
from xtts_finetune.training.closing import judge

LEVELS = {
    "minimum": SuccessGoal(mel_ce=3.0, text_ce=0.03, no_overfitting=True),
    "target": SuccessGoal(mel_ce=2.5, text_ce=0.03, quality=9.0),
    "exceptional": SuccessGoal(mel_ce=2.0, text_ce=0.025, quality=9.5),
}
DONE = Reason.ALL_STEPS_DONE


def measured(*mel_ces: float, text_ce: float = 0.028) -> Metrics:
    return Metrics(
        evals=[EvalRecord(100 * n, ce, text_ce, 100 * text_ce, 0.1, 9, 9, 1.0) for n, ce in enumerate(mel_ces)]
    )


@pytest.mark.parametrize(
    ("mel_ce", "text_ce", "level", "scenario"),
    [
        (3.6, 0.028, None, "none"),
        (3.2, 0.028, None, "marginal"),
        (2.9, 0.028, "minimum", "success"),
        (3.0, 0.028, None, "marginal"),  # below, not at
        (2.9, 0.031, None, "marginal"),
        (2.4, 0.028, "target (by its numbers; not heard yet)", "success"),
        (1.9, 0.028, "target (by its numbers; not heard yet)", "success"),
        (1.9, 0.024, "exceptional (by its numbers; not heard yet)", "success"),
    ],
)
def test_level_and_scenario(mel_ce: float, text_ce: float, level: str | None, scenario: str) -> None:
    judgement = judge(LEVELS, measured(3.5, mel_ce, text_ce=text_ce), DONE)
    assert (judgement.level, judgement.scenario) == (level, scenario)


@pytest.mark.parametrize(
    ("quality", "level"),
    [
        (None, "exceptional (by its numbers; not heard yet)"),
        (8.9, "minimum"),
        (9.0, "target"),
        (9.5, "exceptional"),
    ],
)
def test_a_mark_decides_what_numbers_leave_open(quality: float | None, level: str) -> None:
    assert judge(LEVELS, measured(3.5, 1.9, text_ce=0.024), DONE, quality).level == level


def test_every_limit_is_explained() -> None:
    judgement = judge(LEVELS, measured(3.5, 2.6), DONE)
    assert judgement.checks == (
        LimitCheck("minimum", "mel_ce below 3", "2.600", "met"),
        LimitCheck("minimum", "text_ce below 0.03", "0.0280", "met"),
        LimitCheck("minimum", "not stopped by overfitting", "all steps done", "met"),
        LimitCheck("target", "mel_ce below 2.5", "2.600", "not met"),
        LimitCheck("target", "text_ce below 0.03", "0.0280", "met"),
        LimitCheck("target", "score of at least 9 out of 10", "-", "not heard yet"),
        LimitCheck("exceptional", "mel_ce below 2", "2.600", "not met"),
        LimitCheck("exceptional", "text_ce below 0.025", "0.0280", "not met"),
        LimitCheck("exceptional", "score of at least 9.5 out of 10", "-", "not heard yet"),
    )


def test_a_near_miss_is_shown_with_the_digits_that_it_takes() -> None:
    (check,) = judge({"fair": SuccessGoal(mel_ce=3.0)}, measured(3.5, 3.00004), DONE).checks
    assert (check.measured, check.result) == ("3.00004", "not met")
    (check,) = judge({"fair": SuccessGoal(mel_ce=3.0)}, measured(3.5, 3.0), DONE).checks
    assert (check.measured, check.result) == ("3.000", "not met")


def test_a_phase_that_overfitted_misses_a_level_that_forbids_it() -> None:
    judgement = judge(LEVELS, measured(3.5, 2.9), Reason.OVERFITTING)
    assert (judgement.level, judgement.scenario) == (None, "marginal")


def test_a_level_can_be_a_share_of_the_start() -> None:
    metrics = measured(4.0, 3.1)
    judgement = judge({"fair": SuccessGoal(mel_ce_of_start=0.8)}, metrics, DONE)
    assert judgement.level == "fair"
    assert judgement.checks[0].limit == "mel_ce below 0.8 of the start's, which is 3.200"
    assert judge({"good": SuccessGoal(mel_ce_of_start=0.75)}, metrics, DONE).level is None


@pytest.mark.parametrize("reason", [Reason.NO_OP, Reason.NOT_FINITE])
def test_a_phase_that_trained_nothing_or_was_ruined_is_no_success(reason: Reason) -> None:
    judgement = judge(LEVELS, measured(3.5, 2.4), reason)
    assert (judgement.level, judgement.scenario) == (None, "none")


def test_a_start_below_every_limit_is_not_the_doing_of_the_phase() -> None:
    judgement = judge({"minimum": SuccessGoal(mel_ce=4.0)}, measured(3.5, 3.6), DONE)
    assert (judgement.level, judgement.scenario) == ("minimum", "none")


@pytest.mark.parametrize("metrics", [Metrics(), measured(math.nan), measured(math.nan, math.nan)])
def test_nothing_measured_is_nothing_reached(metrics: Metrics) -> None:
    judgement = judge(LEVELS, metrics, Reason.ERROR)
    assert (judgement.level, judgement.scenario) == (None, "none")
    assert {check.result for check in judgement.checks} == {"not measured", "not heard yet", "met"}


def test_without_levels_there_is_a_scenario_all_the_same() -> None:
    assert judge({}, measured(3.5, 3.4), DONE).scenario == "marginal"
