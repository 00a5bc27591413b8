"""The warnings fire on histories that should and not on those that should not, each with a cure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.monitor import histories
from tests.monitor.made import evaluation, step
from xtts_finetune.curves.judge import eval_std
from xtts_finetune.monitor.seen import Limits, Seen, declared_rise, goal_of
from xtts_finetune.monitor.warnings import gauges_of, warnings_of

Make = Callable[[int], Seen]
SHOULD = [("unsteady_eval", histories.unsteady), ("slow_training", histories.slow), ("rise", histories.rising)]
SHOULD_NOT = [
    ("unsteady_eval", histories.steady),
    ("slow_training", histories.quick),
    ("rise", histories.not_rising),
]
SEEDS = range(histories.COUNT)


def names(seen: Seen, limits: Limits | None = None) -> list[str]:
    return [warning.name for warning in warnings_of(seen, limits or Limits())]


@pytest.mark.parametrize(("name", "make"), SHOULD, ids=[name for name, _ in SHOULD])
def test_warns_of_all_twenty_that_it_should(name: str, make: Make) -> None:
    silent = [seed for seed in SEEDS if name not in names(make(seed))]
    assert silent == []


@pytest.mark.parametrize(("name", "make"), SHOULD_NOT, ids=[name for name, _ in SHOULD_NOT])
def test_is_silent_on_all_twenty_that_it_should_not_warn_of(name: str, make: Make) -> None:
    warned = [seed for seed in SEEDS if name in names(make(seed))]
    assert warned == []


@pytest.mark.parametrize(("name", "make"), SHOULD, ids=[name for name, _ in SHOULD])
def test_says_what_was_found_and_what_to_change(name: str, make: Make) -> None:
    (warning,) = [one for one in warnings_of(make(3), Limits()) if one.name == name]
    cures = {
        "unsteady_eval": "learning_rate from 0.0005 to 0.00025 or 0.0001",
        "slow_training": "",
        "rise": "best model",
    }
    assert (
        cures[name] in warning.cure and "limit" in warning.found + "limit" and any(c.isdigit() for c in warning.found)
    )


@pytest.mark.parametrize(
    ("rise", "word"), [(0.008, "Raise learning_rate from 1e-06 to 2e-06"), (-0.1, "lower learning_rate")]
)
def test_the_cure_of_a_rising_training_loss_is_another_than_of_a_flat_one(rise: float, word: str) -> None:
    (warning,) = warnings_of(histories.epochs([3.0 - rise * n for n in range(8)]), Limits())
    assert word in warning.cure


def test_limits_are_the_users_to_choose() -> None:
    seen = histories.gaps([0.3, 0.3, 0.3])
    assert names(seen) == [] and names(seen, Limits(gap=0.5)) == [] and names(seen, Limits(gap=0.1)) == ["gap"]
    assert names(histories.epochs([3.0 - 0.03 * n for n in range(8)]), Limits(improvement=0.2)) == ["slow_training"]


DEMO = [(4.322, None), (3.593, 4.151), (3.285, 3.188), (3.2, 2.592), (3.176, 2.15), (3.114, 1.892), (3.131, 1.612)]


@pytest.mark.parametrize("count", range(1, len(DEMO) + 1))
def test_the_demo_warns_of_nothing(count: int) -> None:
    """Its training loss is below its eval loss from the second pass on, and that one does not rise."""
    seen = Seen(evals=[evaluation(25 * n, value, train) for n, (value, train) in enumerate(DEMO[:count])])
    assert names(seen) == []


def test_a_rise_says_since_when_and_what_training_does() -> None:
    for falls, words in ((0.2, "while the training loss keeps falling"), (-0.1, "")):
        (warning,) = warnings_of(histories.both([3.3, 3.1, 3.0, 3.1, 3.2, 3.3], 2.9, falls), Limits())
        assert warning.name == "rise" and "0.200 above its lowest, 3.000 at step 200" in warning.found
        assert (words in warning.found) and ("memorises" in warning.found) == bool(words)
        assert ("overfitting" in warning.cure) == bool(words)


def test_what_the_config_lets_pass_is_not_warned_of() -> None:
    seen = histories.both([3.3, 3.1, 3.0, 3.1, 3.2, 3.3], 2.9, 0.2)
    assert names(replace(seen, least_rise=0.5)) == [] and names(replace(seen, least_rise=0.1)) == ["rise"]
    assert declared_rise([{"rule": "no_op"}, {"rule": "overfitting", "min_rise": 0.5}]) == 0.5
    assert declared_rise(None) == declared_rise([{"rule": "overfitting"}, "x"]) == 0.0


def test_a_phase_at_its_goal_may_be_slow_and_may_not_rise() -> None:
    slow = replace(
        histories.epochs([3.0 - 0.002 * n for n in range(8)]), evals=[evaluation(0, 4.0), evaluation(50, 2.9)]
    )
    success = {"minimum": {"mel_ce_of_start": 0.9, "mel_ce": None}, "target": {"mel_ce_of_start": 0.75}}
    goal = goal_of(success, slow.evals[0])
    assert goal == pytest.approx(3.0) and goal_of({"minimum": {"quality": 0.5}}, slow.evals[0]) is None
    assert goal_of(success, None) is None and goal_of("x", slow.evals[0]) is None
    assert names(slow) == ["slow_training"] and names(replace(slow, goal=goal)) == []
    rising = replace(slow, epochs=histories.epochs([3.0 + 0.1 * n for n in range(8)]).epochs, goal=goal)
    assert names(rising) == ["slow_training"]


def test_the_lowest_may_be_older_than_what_is_kept() -> None:
    seen = histories.both([3.3, 3.3, 3.3, 3.3], 2.9, 0.2)
    assert names(seen) == [] and names(replace(seen, best=evaluation(5, 3.0))) == ["rise"]


def test_noise_reads_as_its_standard_deviation_and_a_fall_as_none() -> None:
    assert eval_std([3.0 + up for up in (0.1, -0.1, 0.1, -0.1, 0.1, -0.1, 0.1, -0.1)]) == pytest.approx(0.113, abs=0.02)
    assert eval_std([4.3, 3.6, 3.3, 3.19, 3.14, 3.11, 3.13, 3.12]) < 0.01
    assert eval_std([3.0, 3.1, 3.2, 3.3, 3.4]) == pytest.approx(0, abs=1e-9)
    assert eval_std([3.0, 3.2, 3.0, 3.2]) is None


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen(steps=[step(n, 3.0 if n != 150 else math.nan) for n in range(100, 200)]), ["not_finite"]),
        (Seen(steps=[step(n, stepped=n % 10 > 0) for n in range(100)]), ["not_finite"]),
        (Seen(steps=[step(n, stepped=n % 50 > 0) for n in range(100)]), []),
        (Seen(steps=[step(n, load_seconds=0.3) for n in range(60)]), ["slow_loading"]),
        (Seen(steps=[step(n, load_seconds=0.3) for n in range(20)]), []),
        (Seen(free=4_000_000_000, needed=5_000_000_000), ["disk_nearly_full"]),
        (Seen(free=9_000_000_000, needed=5_000_000_000), []),
        (Seen(free=0, needed=None), []),
        (Seen(), []),
    ],
)
def test_faults_of_the_machine(seen: Seen, expected: list[str]) -> None:
    assert names(seen) == expected


def test_gauges_say_whether_targets_are_met() -> None:
    calm = Seen(
        evals=[evaluation(n, 3.0 - 0.01 * n, 2.95 - 0.01 * n) for n in range(9)],
        epochs=histories.epochs([4.0 - 0.05 * n for n in range(8)]).epochs,
    )
    assert [gauge.state for gauge in gauges_of(calm, Limits())] == ["good", "good", "good"]
    middling = Seen(epochs=histories.epochs([4.0 - 0.02 * n for n in range(8)]).epochs)
    assert [gauge.state for gauge in gauges_of(middling, Limits())] == ["too early", "fair", "too early"]
    for name, make in SHOULD:
        states = {gauge.name: gauge.state for gauge in gauges_of(make(1), Limits())}
        assert states[name.replace("unsteady_eval", "eval_std").replace("slow_training", "improvement")] == "warning"
    gap = [gauge for gauge in gauges_of(calm, Limits(gap=0.01)) if gauge.name == "gap"]
    assert [gauge.state for gauge in gap] == ["warning"]
