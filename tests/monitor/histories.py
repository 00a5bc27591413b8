"""Histories made for the warnings: for each of the three rules twenty that should warn and twenty that should not.

They are drawn from fixed seeds, so that a rule that is right for one course by luck is wrong for another.
"""

from __future__ import annotations

import math
import random

from tests.monitor.made import evaluation
from xtts_finetune.curves.judge import EpochMean
from xtts_finetune.monitor.seen import Seen

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


def rising(seed: int) -> Seen:
    """An eval loss that has risen by 4 % and more from its lowest, the training loss falling on or rising with it."""
    chance = random.Random(seed)
    down, up = chance.randrange(1, 6), chance.randrange(4, 9)
    rise, falls = 3.0 * chance.uniform(0.05, 0.2), chance.choice([0.1, 0.1, -0.05])
    course = [3.0 + 0.1 * n for n in range(down, 0, -1)] + [3.0 + rise * n / up for n in range(up + 3)]
    return both([value + chance.gauss(0, 0.004) for value in course], 2.9, falls)


def not_rising(seed: int) -> Seen:
    """As every run of the demo: training far below the eval loss, and ever further, which is level, or still falls."""
    chance = random.Random(seed)
    noise, count = chance.choice([0.003, 0.01, 0.02]), chance.randrange(2, 20)
    course = [
        [3.1 + chance.gauss(0, noise) for _ in range(count)],
        [4.3 * 0.8**n + 3.1 + chance.gauss(0, noise) for n in range(count)],
        [3.1 + 0.001 * n + chance.gauss(0, noise / 2) for n in range(count)],
        [3.1 + chance.gauss(0, 0.1) * (n % 2) for n in range(count)],  # unrest is warned of by another rule
        [3.32, 3.29, 3.2, 3.18, 3.11, 3.13],
    ]
    return both(course[seed % len(course)], 3.0, 0.2)


def both(values: list[float], train: float, falls: float) -> Seen:
    """Evaluations, and a training loss that falls by so much from one to the next."""
    first, *rest = values
    records = [evaluation(100 * n, value, train - falls * n) for n, value in enumerate(rest, 1)]
    return Seen(evals=[evaluation(0, first), *records], learning_rate=5e-4)
