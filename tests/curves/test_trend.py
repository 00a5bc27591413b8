"""Was it still improving? Curves whose answer is known."""

from __future__ import annotations

import math
import random
from itertools import permutations

import pytest

from tests.monitor.made import evaluation
from xtts_finetune.curves.judge import chance_of_balance, trend_of
from xtts_finetune.monitor.seen import DEFAULTS, Seen
from xtts_finetune.monitor.warnings import warnings_of

FALLING = [5.0 * 0.97**n for n in range(12)]
PLATEAU = [6.73, 6.72, 6.71, 6.72, 6.73, 6.71, 6.72, 6.73, 6.72, 6.71, 6.73, 6.72]


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        pytest.param(FALLING, "falling", id="falling"),
        pytest.param([*FALLING[:-1], FALLING[-2] + 0.01], "flat", id="four with one odd: could be chance"),
        pytest.param([5.0 * 0.99**n + (n == 28) * 0.5 for n in range(30)], "falling", id="one odd one of ten"),
        pytest.param(list(reversed(FALLING)), "rising", id="rising"),
        pytest.param(PLATEAU, "flat", id="the plateau of the requirements"),
        pytest.param([5.0, 4.0, 3.5, 3.2, *[3.1 - 1e-5 * n for n in range(10)]], "flat", id="less than a thousandth"),
        pytest.param([2.7] * 10, "flat", id="ten epochs at 2.7"),
        pytest.param([0.4304, 0.5360, 0.4411, 0.5102, 0.4555, 0.5290], "flat", id="unstable"),
        pytest.param([3.415, 3.9, 4.3, 4.717], "rising", id="3.415 to 4.717"),
        pytest.param([5.0, 4.0, 3.0], "too short", id="three"),
        pytest.param([], "too short", id="none"),
        pytest.param([5.0, math.nan, 4.0, math.inf, 3.0], "too short", id="three that are finite"),
        pytest.param([5.0, math.nan, 4.0, math.inf, 3.0, 2.0], "falling", id="four that are finite"),
    ],
)  # fmt: skip
def test_verdict(values: list[float], verdict: str) -> None:
    assert trend_of(range(0, 100 * len(values), 100), values).verdict == verdict


def test_only_the_end_counts() -> None:
    values = [5.0 - 0.1 * n for n in range(20)] + [3.0, 3.01, 3.0, 3.02, 3.01, 3.0, 3.01, 3.0, 3.01, 3.0]
    trend = trend_of(range(30), values)
    assert (trend.verdict, trend.evals, trend.first_step) == ("flat", 10, 20)


def test_slope_and_noise_have_units() -> None:
    trend = trend_of([0, 50, 100, 150], [4.0, 3.9, 3.8, 3.7])
    assert trend.per_100_steps == pytest.approx(-0.2)
    assert trend.noise == pytest.approx(0.0)
    assert trend.words == "still falling by 0.2 per 100 steps over the last 4 evaluations"
    chance = random.Random(1)
    steps = list(range(0, 9000, 100))
    noisy = trend_of(steps, [5 - 1e-4 * step + chance.gauss(0, 0.05) for step in steps])
    assert noisy.evals == 30
    assert noisy.noise == pytest.approx(0.05, rel=0.5)
    assert noisy.per_100_steps == pytest.approx(-0.01, rel=0.3)


def test_pure_noise_is_rarely_called_a_trend() -> None:
    chance = random.Random(5)
    verdicts = [trend_of(range(12), [chance.gauss(3, 0.1) for _ in range(12)]).verdict for _ in range(2000)]
    wrong = 1 - verdicts.count("flat") / len(verdicts)
    assert wrong < 0.10  # two sides of at most one in twenty


@pytest.mark.parametrize("count", [4, 5, 6])
def test_the_chance_is_that_of_all_orders(count: int) -> None:
    balances = [
        sum((b > a) - (b < a) for i, a in enumerate(order) for b in order[i + 1 :])
        for order in permutations(range(count))
    ]
    for balance in range(0, count * (count - 1) // 2 + 1, 1):
        share = sum(found >= balance for found in balances) / len(balances)
        if (count * (count - 1) // 2 - balance) % 2 == 0:
            assert chance_of_balance(count, balance) == pytest.approx(share)


@pytest.mark.parametrize("end", [[3.028, 3.028, 3.055, 3.095], [3.03, 3.06, 3.09]])
def test_an_end_well_above_its_lowest_value_rises_as_the_monitor_says(end: list[float]) -> None:
    values = [4.3, 3.6, 3.3, 3.1, 3.05, 3.0, 2.989, *end]
    trend = trend_of(range(5, 5 + 5 * len(values), 5), values)
    assert (trend.verdict, trend.since) == ("rising", 35)
    assert trend.words.startswith("rising: it rose by 0.") and trend.words.endswith("after step 35")
    seen = Seen(evals=[evaluation(5 * n, value) for n, value in enumerate(values, 1)])
    assert [one.name for one in warnings_of(seen, DEFAULTS)] == ["rise"]
