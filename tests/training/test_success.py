"""Success levels: the last whose limits are met, and what only ears can tell."""

from __future__ import annotations

import pytest

from tests.training.test_rules import history
from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.phase import SuccessLevel
from xtts_finetune.training.success import level_reached

DONE = Stop(Reason.ALL_STEPS_DONE, "")
LEVELS = {
    "minimum": SuccessLevel(mel_ce=3.0, text_ce=0.03, no_overfitting=True),
    "target": SuccessLevel(mel_ce=2.5, text_ce=0.03, quality=9.0),
    "exceptional": SuccessLevel(mel_ce=2.0, text_ce=0.025, quality=9.5),
}


@pytest.mark.parametrize(
    ("mel_ce", "text_ce", "level"),
    [
        (3.2, 0.028, None),
        (2.9, 0.028, "minimum"),
        (2.9, 0.031, None),
        (2.4, 0.028, "target (by its numbers; not heard yet)"),
        (1.9, 0.028, "target (by its numbers; not heard yet)"),
        (1.9, 0.024, "exceptional (by its numbers; not heard yet)"),
    ],
)
def test_level_reached(mel_ce: float, text_ce: float, level: str | None) -> None:
    metrics = Metrics(evals=tuple(history([3.5, mel_ce], [0.028, text_ce])))
    assert level_reached(LEVELS, metrics, DONE) == level


def test_a_phase_that_overfitted_misses_a_level_that_forbids_it() -> None:
    metrics = Metrics(evals=tuple(history([3.5, 2.9], [0.028, 0.028])))
    assert level_reached(LEVELS, metrics, Stop(Reason.OVERFITTING, "")) is None


def test_a_level_can_be_a_share_of_the_start() -> None:
    metrics = Metrics(evals=tuple(history([4.0, 3.1])))
    assert level_reached({"fair": SuccessLevel(mel_ce_of_start=0.8)}, metrics, DONE) == "fair"
    assert level_reached({"good": SuccessLevel(mel_ce_of_start=0.75)}, metrics, DONE) is None
    assert level_reached(LEVELS, Metrics(), DONE) is None
