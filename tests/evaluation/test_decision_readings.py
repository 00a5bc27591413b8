"""What instruments read from samples has a say in who ships by numbers: words and voice, not mel_ce alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.evaluation.test_decision import candidate, inputs
from xtts_finetune.evaluation.decision import Decision, decide_from

SHIPS_PHASE2: list[dict[str, Any]] = [{"mel_ce": {"below": 9.0}, "ship": "phase2", "verdict": "excellent"}]
NEVER: list[dict[str, Any]] = [{"mel_ce": {"below": 0.1}, "ship": "base", "verdict": "never"}]


def scored(words: float | None, voice: float | None, samples: int = 16, spread: float = 0.1) -> dict[str, Any]:
    """Clean samples whose words and voice scatter around these means."""
    apart = [spread if number % 2 else -spread for number in range(samples)]
    readings = [
        [f"s{n}", 1, None if words is None else words + apart[n], None if voice is None else voice + apart[n] / 4]
        for n in range(samples)
    ]
    return {
        "gate_failures": 0,
        "spoken": samples,
        "faults": {},
        "utterances": [[f"s{n}", 1, False] for n in range(samples)],
        "readings": readings,
    }


def decided(rows: list[dict[str, Any]], votes: Any = None, **scores: dict[str, Any]) -> Decision:
    """phase2 has the lowest mel_ce, then phase1, then the base."""
    numbers = {"base": 5.0, "phase1": 3.1, "phase2": 3.0}
    found = inputs(*(candidate(name, mel_ce) for name, mel_ce in numbers.items()), rows=rows)
    return decide_from({**found, "scores": scores, "votes": votes})


def test_who_says_fewer_words_right_is_held_back_whatever_its_mel_ce() -> None:
    for rows in (SHIPS_PHASE2, NEVER):
        decision = decided(rows, base=scored(0.5, 0.8), phase1=scored(0.8, 0.9), phase2=scored(0.5, 0.9))
        assert decision.ship == "phase1"
        assert "50 % of the words" in decision.excluded["phase2"] and "80 % of the words" in decision.excluded["phase2"]


def test_another_voice_is_held_back() -> None:
    decision = decided(SHIPS_PHASE2, base=scored(0.8, 0.85), phase1=scored(0.8, 0.9), phase2=scored(0.8, 0.6))
    assert decision.ship == "phase1"
    assert "0.60 of 1 in likeness" in decision.excluded["phase2"]


def test_the_base_ships_where_training_has_only_done_harm() -> None:
    decision = decided(NEVER, base=scored(0.8, 0.85), phase1=scored(0.6, 0.85), phase2=scored(0.4, 0.85))
    assert decision.ship == "base"


@pytest.mark.parametrize("difference", [0.0, 0.02, -0.02])
def test_what_chance_gives_holds_nobody_back(difference: float) -> None:
    decision = decided(
        SHIPS_PHASE2, base=scored(0.5, 0.8), phase1=scored(0.8, 0.9), phase2=scored(0.8 + difference, 0.9)
    )
    assert decision.ship == "phase2" and "phase2" not in decision.excluded


@pytest.mark.parametrize(
    "phase1, phase2",
    [
        (scored(0.9, None), scored(0.4, None)),  # no speaker encoder
        (scored(None, 0.95), scored(None, 0.6)),  # no recogniser
        (scored(0.9, 0.9), scored(0.4, None)),  # an instrument that read one of them alone does not count
    ],
)
def test_one_instrument_is_enough(phase1: dict[str, Any], phase2: dict[str, Any]) -> None:
    assert decided(SHIPS_PHASE2, phase1=phase1, phase2=phase2).ship == "phase1"


@pytest.mark.parametrize(
    "phase1, phase2",
    [
        (scored(0.9, 0.9, samples=5), scored(0.4, 0.9, samples=5)),  # too few
        (scored(0.9, None), scored(None, 0.6)),  # nothing was read of both
        ({"spoken": 16, "gate_failures": 0, "utterances": []}, scored(0.4, 0.6)),  # from before it was kept
    ],
)
def test_without_enough_to_compare_mel_ce_decides(phase1: dict[str, Any], phase2: dict[str, Any]) -> None:
    assert decided(SHIPS_PHASE2, phase1=phase1, phase2=phase2).ship == "phase2"
