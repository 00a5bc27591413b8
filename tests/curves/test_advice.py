"""What is advised for each verdict, with commands that can be typed as they are."""

from __future__ import annotations

import math
import shlex

import pytest

from xtts_finetune.curves.advice import Place
from xtts_finetune.curves.curves import Curves, Series, series
from xtts_finetune.curves.diagnosis import Diagnosis, diagnose

OURS = Place("phase2", ("-f", "my voice/pipeline.yaml"), (50, 100, 150))
DOWN = [3.5 - 0.05 * n for n in range(12)]
LEVEL = [2.70, 2.71, 2.69, 2.70, 2.71, 2.70, 2.69, 2.70, 2.71, 2.70, 2.69, 2.70]
SWINGS = [2.7, 3.1, 2.5, 3.0, 2.6, 3.2, 2.5, 3.1, 2.6, 3.0, 2.5, 3.1]
VALLEY = [3.5, 3.3, 3.2, 3.15, 3.12, 3.15, 3.2, 3.28, 3.35, 3.42, 3.5, 3.57]
NAN = [*DOWN[:8], math.nan, math.nan]


def steps(values: list[float]) -> Series:
    return series("mel_ce", ((20 * n, value) for n, value in enumerate(values)))


def found_in(values: list[float], train: list[float] | None = None) -> Diagnosis:
    rate = series("learning_rate", ((n, 1e-5) for n in range(240)))
    return diagnose(Curves("step", steps(train or []), steps(values), rate), OURS)


@pytest.mark.parametrize(
    ("values", "verdict", "command", "breaker"),
    [
        (DOWN, "falling", "xtts-finetune diagnose phase2", False),
        (LEVEL, "plateau", "xtts-finetune solve phase2 --race", True),
        (SWINGS, "oscillating", "run_pipeline phase2 --optimization-level stable --lr 5e-06", False),
        (NAN, "exploding", "run_pipeline phase2 --lr 2.5e-06 --gradient-clip 0.3", False),
        (VALLEY, "overfitting", "xtts-finetune decide", False),
        (DOWN[:3], "too short", "xtts-finetune diagnose phase2", False),
    ],
)
def test_each_verdict_has_its_command(values: list[float], verdict: str, command: str, breaker: bool) -> None:
    found = found_in(values)
    assert found.verdict == verdict
    assert found.command == f"{command} -f 'my voice/pipeline.yaml'"
    assert shlex.split(found.command)[-1] == "my voice/pipeline.yaml"
    assert ("plateau_breaker" in " ".join(found.also)) == breaker
    assert ("Not plateau_breaker" in found.recommendation) != breaker


def test_a_plateau_keeps_what_was_learnt() -> None:
    found = found_in(LEVEL)
    assert "resume_from: {phase: phase2, checkpoint: best}" in found.recommendation
    assert found.remedies[0] == "plateau-breaker"


def test_clips_that_are_used_up_want_more_clips() -> None:
    found = found_in(LEVEL, DOWN)
    assert found.verdict == "plateau"
    assert found.optimization_level is None
    assert found.remedies[0] == "averaged"
    assert "memorise the clips" in " ".join(found.causes)


def test_the_last_good_checkpoint_is_named() -> None:
    found = found_in(NAN)
    assert found.since == 160
    assert "The last good checkpoint is that of step 150." in found.recommendation
    assert found.to_json()["numbers"]["not_finite"] == 2
