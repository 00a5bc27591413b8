"""The space of a search and its points."""

from __future__ import annotations

from functools import lru_cache

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from xtts_finetune.spec.search import RangeSpec
from xtts_finetune.trials.search.space import (
    Point,
    Space,
    distributions,
    longest_warmup,
    propose,
    values_at,
    with_values,
)

RATE = RangeSpec(low=1e-7, high=1e-5, log=True)
SPACE: Space = {
    "learning_rate": RATE,
    "batch_size": RangeSpec(low=2, high=8),
    "schedule": ({"kind": "constant"}, {"kind": "cosine", "warmup_steps": 30}),
    "schedule.minimum": (0.0, 0.1),
}


def finished(point: Point, value: float) -> FrozenTrial:
    dimensions = {key: distributions(SPACE)[key] for key in point}
    return create_trial(state=TrialState.COMPLETE, value=value, params=point, distributions=dimensions)


@lru_cache
def points(count: int, seed: int = 1) -> list[Point]:
    """So many, the later ones by the estimator: small learning rates are good."""
    found: list[Point] = []
    for number in range(count):
        history = [finished(point, 1e6 * point["learning_rate"]) for point in found]
        point = propose(SPACE, seed, number, history, at_random=8)
        assert point is not None
        found.append(point)
    return found


def test_points_depend_on_seed_and_history_alone() -> None:
    again = points.__wrapped__(10)
    assert again == points(16)[:10]
    assert points(3) != points(3, seed=2)


def test_points_lie_in_the_space_as_people_write_them() -> None:
    for point in points(16):
        assert 1e-7 <= point["learning_rate"] <= 1e-5
        assert point["learning_rate"] == float(f"{point['learning_rate']:.3g}")
        assert point["batch_size"] in range(2, 9)
        assert type(point["batch_size"]) is int


def test_the_estimator_goes_where_the_good_points_are() -> None:
    rates = [point["learning_rate"] for point in points(16)]
    random, chosen = rates[:8], rates[8:]
    assert sorted(chosen)[len(chosen) // 2] < sorted(random)[len(random) // 2] / 2


def test_no_point_comes_twice_and_a_small_space_ends() -> None:
    space: Space = {"batch_size": (2, 4), "schedule.kind": ("constant", "cosine", "linear")}
    history: list[FrozenTrial] = []
    while (point := propose(space, 1, len(history), history, at_random=2)) is not None:
        history.append(create_trial(value=1.0, params=point, distributions=distributions(space)))
    assert len({tuple(sorted(trial.params.items())) for trial in history}) == len(history) == 6


def test_a_point_becomes_values_of_the_phase() -> None:
    point: Point = {
        "schedule.minimum": "0.1",
        "schedule": '{"kind": "cosine", "warmup_steps": 30}',
        "batch_size": 3,
        "learning_rate": 2e-6,
    }
    values = values_at(SPACE, point)
    phase = {"learning_rate": 1e-6, "schedule": {"kind": "linear"}, "epochs": 3}
    assert with_values(phase, values) == {
        "learning_rate": 2e-6,
        "batch_size": 3,
        "schedule": {"kind": "cosine", "warmup_steps": 30, "minimum": 0.1},
        "epochs": 3,
    }
    assert phase["schedule"] == {"kind": "linear"}, "the phase itself stays"


@pytest.mark.parametrize(
    ("space", "steps"),
    [
        ({}, 7),
        (SPACE, 30),
        ({"schedule.warmup_steps": RangeSpec(low=0, high=50)}, 50),
        ({"schedule.warmup_steps": (5, 40)}, 40),
    ],
)
def test_the_longest_warmup_counts_whoever_gets_it(space: Space, steps: int) -> None:
    assert longest_warmup(space, {"schedule": {"warmup_steps": 7}}) == steps
