"""Histories made for the warnings: for each of the three rules twenty that should warn and twenty that should not.

They are drawn from fixed seeds, so that a rule that is right for one course by luck is wrong for another.
"""

from __future__ import annotations

import math
import random

from tests.monitor.made import evaluation
from xtts_finetune.curves.judge import EpochMean
from xtts_finetune.monitor.warnings import Seen

COUNT = 20


def evals(values: list[float]) -> Seen:
    return Seen(evals=[evaluation(100 * number, value) for number, value in enumerate(values)], learning_rate=5e-4)


def gaps(values: list[float]) -> Seen:
    records = [evaluation(100 * number, 3.0, 3.0 - value) for number, value in enumerate(values, 1)]
    return Seen(evals=[evaluation(0, 3.2), *records])


def epochs(values: list[float]) -> Seen:
    return Seen(epochs=[EpochMean(number, value) for number, value in enumerate(values)], learning_rate=1e-6)


def unsteady(seed: int) -> Seen:
    """An eval loss that jumps by a tenth and more, flat or falling or rising, after a calm start or from the first."""
    chance = random.Random(seed)
    slope, jump = chance.choice([-0.03, -0.01, 0.0, 0.01]), chance.uniform(0.09, 0.3)
    calm = [4 - 0.1 * n for n in range(chance.randrange(0, 6))]
    # Up and down by turns, as an eval loss that jumps does, each by another amount.
    jumps = [(-1) ** n * jump * chance.uniform(0.7, 1.3) for n in range(8 + chance.randrange(0, 10))]
    return evals(calm + [3.2 + slope * n + up for n, up in enumerate(jumps)])


def steady(seed: int) -> Seen:
    """Falling quickly or slowly, flat with a little noise, falling to a plateau, rising after a best step."""
    chance = random.Random(seed)
    noise = [chance.gauss(0, 0.012) for _ in range(30)]
    count, pace = chance.randrange(5, 25), chance.uniform(2, 8)
    course = [
        [5.0 * math.exp(-n / pace) + 2.0 for n in range(count)],
        [3.2 - 0.02 * n + noise[n] for n in range(count)],
        [2.9 + noise[n] for n in range(count)],
        [4.3 * 0.6**n + 3.1 + noise[n] for n in range(count)],
        [3.0 + 0.02 * (n - 6) ** 2 / 4 + noise[n] / 3 for n in range(min(count, 14))],
    ]
    return evals(course[seed % len(course)])


def slow(seed: int) -> Seen:
    """A training loss that falls by less than 0.05 in five epochs, or rises."""
    chance = random.Random(seed)
    fall = chance.uniform(-0.02, 0.006)  # an epoch
    early = [5 - 0.4 * n for n in range(chance.randrange(0, 5))]
    return epochs(early + [3.0 - fall * n + chance.gauss(0, 0.003) for n in range(chance.randrange(6, 20))])


def quick(seed: int) -> Seen:
    """A training loss that falls by more than 0.05 in five epochs, or too short a history to tell."""
    chance = random.Random(seed)
    if seed % 4 == 0:
        return epochs([3.0] * chance.randrange(0, 6))
    fall = chance.uniform(0.02, 0.4)
    return epochs([9.0 - fall * n + chance.gauss(0, 0.003) for n in range(chance.randrange(6, 20))])


def apart(seed: int) -> Seen:
    """An eval loss more than 0.10 above the training loss, one odd evaluation or none among the last three."""
    chance = random.Random(seed)
    before = [chance.uniform(-0.5, 0.05) for _ in range(chance.randrange(0, 9))]
    last = [chance.uniform(0.11, 0.9) for _ in range(3)]
    if seed % 3 == 0:
        last[chance.randrange(3)] = chance.uniform(-0.1, 0.05)
    return gaps(before + last)


def together(seed: int) -> Seen:
    """Gaps below 0.10, negative ones, a single one above among the last three, or fewer than three."""
    chance = random.Random(seed)
    if seed % 5 == 0:
        return gaps([0.8] * chance.randrange(0, 3))
    last = [chance.uniform(-0.6, 0.095) for _ in range(3)]
    if seed % 3 == 0:
        last[chance.randrange(3)] = chance.uniform(0.2, 0.5)
    return gaps([chance.uniform(0, 0.6) for _ in range(chance.randrange(0, 9))] + last)
