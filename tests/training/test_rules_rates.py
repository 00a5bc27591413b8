"""How often the rule on overfitting is wrong, how soon it is right, and what asking after every step reads."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median
from typing import Any

from tests.training.histories import history, rule, steps
from xtts_finetune.records.metrics import Metrics, StepRecord
from xtts_finetune.training.rules import first_stop, replayed

NOISE = 0.01  # standard deviation of both curves; its size does not matter, only slopes in its unit do
APART = [rule("overfitting")]


def _stops(evals: int, rise: float, phases: int, seed: int, bottom: int = 0) -> list[int | None]:
    """At which evaluation each of many phases stops: eval mel_ce is flat with noise, and rises from `bottom` on.

    `rise`: nats an evaluation in units of the noise. The training mel_ce falls by one such unit an evaluation.
    """
    luck = random.Random(seed)
    found = []
    for _ in range(phases):
        seen = [3.5 + NOISE * (rise * max(0, i - bottom) + luck.gauss(0, 1)) for i in range(evals + 1)]
        train = [None, *(3.5 - NOISE * (i + luck.gauss(0, 1)) for i in range(1, evals + 1))]
        stop = replayed(Metrics(evals=history(seen, train=train)), APART)
        found.append(stop and stop[0] // 100)
    return found


def _share(found: list[int | None]) -> float:
    return sum(at is not None for at in found) / len(found)


def test_a_noisy_plateau_is_seldom_called_overfitting() -> None:
    """The figures of 2000 phases stand in the rule's docstring; 600 agree within a few percentage points."""
    assert _share(_stops(evals=10, rise=0.0, phases=600, seed=1)) < 0.06
    assert _share(_stops(evals=30, rise=0.0, phases=600, seed=2)) < 0.10
    assert _share(_stops(evals=30, rise=-0.1, phases=600, seed=3)) < 0.05  # still falling, below its noise


def test_a_rise_is_found_soon_in_any_noise() -> None:
    for rise, most in ((1.0, 6), (3.0, 3)):
        found = _stops(evals=40, rise=rise, phases=200, seed=4, bottom=10)
        assert _share(found) == 1.0
        assert median(at - 10 for at in found if at is not None) <= most


class Counted(Sequence[StepRecord]):
    """Steps that count how often one of them is read."""

    def __init__(self, records: Sequence[StepRecord]) -> None:
        self._records, self.read = records, 0

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, which: Any) -> Any:
        found = self._records[which]
        self.read += len(found) if isinstance(which, slice) else 1
        return found


def test_asking_after_every_step_reads_little() -> None:
    """100 000 steps and 1000 evaluations: what is asked last has the most to read."""
    count = 100_000
    evals = history([3.5 - i / 1e5 for i in range(1001)], train=[3.5 - i / 1e5 for i in range(1001)])
    all_steps = steps([3.5] * count, seconds=0.25)
    rules = [
        rule("text_ce_above", of_start=2),
        rule("no_improvement"),
        rule("overfitting", evals=10_000),
        rule("overfitting"),
        rule("exploding"),
        rule("quality_falling"),
        rule("time_limit", hours=100),
        rule("target_reached", below=1.0),
    ]
    read = 0
    for last in range(count - 64, count):
        seen = Counted(all_steps[:last])
        assert first_stop(Metrics(seen, evals), rules) is None
        read += seen.read
    assert read / 64 < 10_000, "a rule reads all steps each time"
