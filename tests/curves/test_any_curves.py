"""No curves are too odd for a diagnosis."""

from __future__ import annotations

import io
import json
import math
import random
import warnings

from rich.console import Console

from xtts_finetune.curves.curves import Curves, Series, series
from xtts_finetune.curves.diagnosis import diagnose
from xtts_finetune.curves.shown import show

ODD = (math.nan, math.inf, -math.inf, 0.0, -1.0)


def odd_series(chance: random.Random) -> Series:
    """Any length, scale and spacing; level, noisy or falling; values that are none in between."""
    scale = chance.choice([1, 1, 1e-3, 1e5, 1e300, 1e-300, 0.0])
    kind = chance.choice(["noisy", "two values", "falling"])

    def value(number: int) -> float:
        if chance.random() < 0.05:
            return chance.choice(ODD)
        values = {
            "noisy": chance.gauss(3, 0.1),
            "two values": chance.choice([2.7, 2.71]),
            "falling": 3 - 0.01 * number,
        }
        return scale * values[kind]

    count = chance.choice([0, 1, 2, 3, 4, 5, 6, 7, 9, 15, 30, 63])
    places = [chance.choice([n, n * 25, n / 3, chance.random() * 100]) for n in range(count)]
    return series("x", [(place, value(n)) for n, place in enumerate(places)], chance.random() < 0.5)


def test_any_curves_have_a_diagnosis_that_can_be_shown() -> None:
    chance = random.Random(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(200):
            unit = "step" if chance.random() < 0.5 else "epoch"
            curves = Curves(unit, *(odd_series(chance) for _ in range(4)))  # type: ignore[arg-type]
            found = diagnose(curves)
            assert found.words
            assert found.command
            json.dumps(found.to_json(), allow_nan=False)
            show(curves, found, Console(file=io.StringIO(), width=chance.choice([20, 80, 200])))
