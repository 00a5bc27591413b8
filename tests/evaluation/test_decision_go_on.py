"""'Go on to phase 3' is an answer with conditions: histories of training, and whether it is advised."""

from __future__ import annotations

from typing import Any

import pytest

from tests.evaluation.statistics.votes import duel
from tests.evaluation.test_decision_heard import inputs, listened, scored
from xtts_finetune.evaluation.decision import decide_from
from xtts_finetune.evaluation.decision.model import GoOn
from xtts_finetune.records.verdict import Condition

FALLING = {"verdict": "falling", "words": "still falling by 0.012 per 100 steps"}


def trained(**changed: Any) -> dict[str, Any]:
    known = {
        "phase": "phase2",
        "status": "done",
        "reason": "all_steps_done",
        "trend": FALLING,
        "text_ce": {"start": 0.0281, "best": 0.0276},
        "levels": ["minimum", "target", "exceptional"],
        "level": "minimum",
    }
    return {**known, **changed}


def asked(training: dict[str, Any] | None, **more: Any) -> GoOn | None:
    return decide_from(inputs(more.pop("votes", None), training=training, **more)).go_on


@pytest.mark.parametrize(
    "changed, advised, failing",
    [
        ({}, True, []),
        ({"trend": {"verdict": "flat", "words": "flat"}}, False, ["At the end of phase2 mel_ce was flat."]),
        ({"trend": {"verdict": "rising", "words": "rising"}}, False, ["At the end of phase2 mel_ce was rising."]),
        ({"trend": {"verdict": "too short", "words": "too short to tell"}}, False, []),
        ({"text_ce": {"start": 0.0281, "best": 0.0310}}, False, ["text_ce rose from 0.0281 to 0.0310."]),
        ({"text_ce": {"start": 0.0281, "best": 0.0290}}, True, []),  # no more than it wavers
        ({"text_ce": {"start": 0.01349, "best": 0.01347}}, True, []),
        ({"text_ce": {"start": None, "best": None}}, True, []),
        ({"reason": "overfitting"}, False, ["phase2 was stopped by overfitting."]),
        ({"level": "target"}, False, ["phase2 has reached 'target' already."]),
        ({"level": "exceptional"}, False, ["phase2 has reached 'target' already."]),
        ({"level": "target (by its numbers; not heard yet)"}, False, ["phase2 has reached 'target' already."]),
        ({"level": None}, True, []),
        ({"levels": ["good"], "level": "good"}, False, ["phase2 has reached 'good' already."]),
        ({"levels": [], "level": None}, True, []),
    ],
)
def test_what_training_says(changed: dict[str, Any], advised: bool, failing: list[str]) -> None:
    answer = asked(trained(**changed))
    assert answer is not None
    assert (answer.phase, answer.advised) == ("phase3", advised)
    assert [each.text for each in answer.conditions if each.holds is False] == failing


@pytest.mark.parametrize(
    "wins, fact, holds, advised",
    [
        (20, "Listeners prefer phase2 to phase1.", True, True),
        (10, "Listeners hear no clear difference between phase2 and phase1.", None, True),
        (2, "Listeners prefer phase1 to phase2.", False, False),
        (None, "Nobody has compared phase2 with phase1 yet.", None, True),
    ],
)
def test_ears_may_say_no(wins: int | None, fact: str, holds: bool | None, advised: bool) -> None:
    votes = None if wins is None else listened(duel("phase1", "phase2", wins, 20 - wins))
    answer = asked(trained(), votes=votes)
    assert answer is not None
    assert Condition(fact, holds) in answer.conditions
    assert answer.advised is advised


@pytest.mark.parametrize(
    "holds, encoding, sign",
    [
        (True, "utf-8", "✓"),
        (False, "utf-8", "✗"),
        (None, "utf-8", "?"),
        (True, "cp1252", "yes"),
        (False, "cp1252", "no"),
    ],
)
def test_a_terminal_without_ticks_gets_words(holds: bool | None, encoding: str, sign: str) -> None:
    assert Condition("mel_ce was flat.", holds).marked(encoding) == f"{sign} mel_ce was flat."


@pytest.mark.parametrize("failed, holds", [(0, True), (5, False)])
def test_the_gate_may_say_no(failed: int, holds: bool) -> None:
    answer = asked(trained(), scores={"base": scored(0), "phase2": scored(failed)})
    assert answer is not None
    assert (answer.conditions[-1].holds, answer.advised) == (holds, holds)


@pytest.mark.parametrize(
    "phase, phases, following",
    [
        ("phase2", ["phase1", "phase2"], "phase3"),
        ("gentle", ["gentle"], "a further phase"),
        ("step9", ["step9"], "step10"),
    ],
)
def test_which_phase_is_next(phase: str, phases: list[str], following: str) -> None:
    answer = asked(trained(phase=phase), phases=phases)
    assert answer is not None and answer.phase == following


def test_while_a_phase_of_the_config_is_to_come_no_other_one_is_advised_or_not() -> None:
    assert asked(trained(phase="phase1"), phases=["phase1", "phase2"]) is None


def test_a_rising_end_is_not_called_without_overfitting_and_nothing_that_stayed_is_said_to_fall() -> None:
    rising = {"verdict": "rising", "words": "rising: it rose by 0.07 after step 35"}
    answer = asked(trained(trend=rising, text_ce={"start": 0.01349, "best": 0.01347}))
    assert answer is not None
    texts = [each.text for each in answer.conditions]
    assert texts[0] == "At the end of phase2 mel_ce was rising: it rose by 0.07 after step 35."
    assert not any("without overfitting" in each or "fell" in each for each in texts)


@pytest.mark.parametrize("own, holds", [(1, None), (0, False), (2, True), (3, True)])
def test_clean_samples_are_compared_with_the_phase_before_too(own: int, holds: bool | None) -> None:
    scores = {"base": scored(5, 5), "phase1": scored(3, 5), "phase2": scored(5 - own, 5)}
    answer = asked(trained(), scores=scores)
    assert answer is not None
    assert answer.conditions[-1].holds is holds
    assert f"{own} of 5, compared with 2 of 5 of phase1 and 0 of 5 of the base" in answer.conditions[-1].text


def test_where_the_matrix_says_to_continue_and_training_says_no_one_of_them_counts() -> None:
    rows = [{"ship": "phase2", "verdict": "improved", "then": "continue with phase 3"}]
    flat = trained(trend={"verdict": "flat", "words": "flat"})
    says = decide_from(inputs(None, training=flat, rows=rows)).says
    assert "unlikely" in says.further and "Where your decision matrix says to continue, this counts" in says.further
    assert "matrix" not in decide_from(inputs(None, training=trained(), rows=rows)).says.further


@pytest.mark.parametrize("training", [None, trained(status="interrupted"), trained(status="failed")])
def test_before_a_phase_has_come_to_its_end_nothing_is_advised(training: dict[str, Any] | None) -> None:
    assert asked(training) is None
