"""Ranks that start with different things do not start, and it is said who has what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xtts_finetune.ranks.agreement import Start, disagreement, values_of
from xtts_finetune.spec.phase import PhaseSpec

PHASE = PhaseSpec(learning_rate=1e-6, steps=10)
START = Start(0, "a", None, "phase1", "cpu", 10, "00c0ffee", "b" * 64, values_of(PHASE))


def test_the_same_everywhere_starts() -> None:
    assert disagreement([START, replace(START, rank=1, machine="b")]) is None


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            {"clips": "0badc0de"},
            "rank 1 on b has clips with checksum 0badc0de instead of clips with checksum",
        ),
        ({"device": "cuda"}, "has device 'cuda' instead of device 'cpu'"),
        ({"steps": 11}, "has 11 steps instead of 10 steps"),
        (
            {"values": values_of(PHASE.model_copy(update={"learning_rate": 2e-6}))},
            "has phase1.learning_rate 2e-06 instead of 1e-06 (rank 0 on a)",
        ),
        ({"values": values_of(PHASE.model_copy(update={"devices": 4, "goal": "Else"}))}, None),
    ],
)
def test_what_differs_is_named(other: dict[str, object], said: str | None) -> None:
    found = disagreement([START, replace(START, rank=1, machine="b", **other)])  # type: ignore[arg-type]
    assert found is None if said is None else said in str(found)


def test_errors_are_said_with_those_that_have_them() -> None:
    wrong = [Start(rank, "b", "no clips\nat all") for rank in (2, 3)]
    fine = [START, replace(START, rank=1)]
    assert disagreement([*fine, *wrong]) == "b: no clips; at all"
    assert disagreement(wrong) == "no clips; at all"
    assert disagreement([*fine, wrong[0], replace(wrong[1], error="no GPU")]) == ("b: no clips; at all; b: no GPU")
    assert disagreement([START, replace(wrong[0], machine="a")]) == "rank 2 on a: no clips; at all"
