"""Steps that crawl while the card is full are said once, and end a phase that can go on with less memory."""

from __future__ import annotations

import pytest

from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.training.spilling import Spilling

QUICK = [0.2] * 30


def stops(seconds: list[float], full: bool, ends: bool) -> tuple[list[int], list[str]]:
    """The steps, from 1 on, at which it stops, and what is said."""
    said: list[str] = []
    spilling = Spilling(lambda: full, said.append, ends)
    found: list[Stop | None] = [spilling.see(step, each) for step, each in enumerate(seconds, 1)]
    assert all(stop is None or stop.reason is Reason.OUT_OF_MEMORY for stop in found)
    return [step for step, stop in enumerate(found, 1) if stop is not None], said


@pytest.mark.parametrize(
    ("seconds", "full", "ends", "stopped", "said"),
    [
        ([*QUICK, 3.0, 3.0, 3.0], True, True, [33], 1),
        ([*QUICK, 3.0, 3.0, 3.0], True, False, [], 1),  # nothing to go on with
        ([*QUICK, 3.0, 3.0, 3.0], False, True, [], 0),  # another program takes the time, not the memory
        ([*QUICK, 3.0, 0.2, 3.0, 0.2, 3.0], True, True, [], 1),  # an evaluation of somebody else's, say
        ([*QUICK, 1.9, 1.9, 1.9], True, True, [], 0),
        ([0.2] * 5 + [3.0] * 4, True, True, [], 0),  # the first steps are no measure
    ],
)
def test_crawling(seconds: list[float], full: bool, ends: bool, stopped: list[int], said: int) -> None:
    at, words = stops(seconds, full, ends)
    assert at == stopped
    assert len(words) == said
    assert all("took 3.0 s where 0.20 s are usual" in line and "optimizer_moments: bf16" in line for line in words)
