"""A small version of the benchmark: every format, every state."""

from __future__ import annotations

from benchmarks.diagnosis_formats import BAR, STATES, outcomes, shares


def test_verdicts_are_right_in_every_format_and_every_break_is_seen() -> None:
    found = list(outcomes([2000], held_out=True, noises=[0.006]))
    assert {one[1] for one in found} == set(STATES)
    share = shares(found)
    assert share["right"] >= BAR, [one for one in found if one[1] != one[3]]
    assert share["breaks seen"] == 1.0
