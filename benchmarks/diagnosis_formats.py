"""Is the diagnosis right whatever wrote the log? Every format x six states x noise x seeds, and a table.

python -m benchmarks.diagnosis_formats [--seeds 5] [--out FILE]

Shapes and seeds of `held out` took no part in choosing any limit: its figures are the ones to believe.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from testbed.log_formats import ENDLESS, FORMATS, Format, Row
from xtts_finetune.curves.readers import read_curves
from xtts_finetune.curves.verdict import judge
from xtts_finetune.errors import UserError

NOISES = (0.001, 0.003, 0.006, 0.01)  # of the value
STATES = ("falling", "plateau", "oscillating", "exploding", "overfitting", "too short")
BAR = 0.97
Shape = Callable[[float], float]  # of 0 at the first value to 1 at the last, beyond for what would follow


@dataclass(frozen=True)
class Made:
    """A known curve with its truth, how its not-finite values are spelled, and the digits of all others."""

    truth: str
    rows: list[Row]
    endless: str
    digits: int


def made(state: str, noise: float, seed: int, held_out: bool) -> Made:
    """A curve in that state. Its shape, length, level and scale are drawn; `held_out` draws among other shapes."""
    chance = random.Random(f"{state} {noise} {seed} {held_out}")
    count = chance.randrange(3, 4) if state == "too short" else chance.randrange(24 if noise > 0.005 else 16, 60)
    scale = chance.choice((1.0, 1.0, 1.0, 0.2, 8.0))
    shape, train = _shapes(state, chance, count, held_out)
    values = [scale * shape(n / max(count - 1, 1)) * (1 + chance.gauss(0, noise)) for n in range(count)]
    below = [0.93 * scale * train(n / max(count - 1, 1)) * (1 + chance.gauss(0, noise)) for n in range(count)]
    rate = chance.choice((1e-5, 3e-4, 0.0001))
    every, alone = chance.choice((1, 50)), state != "overfitting" and chance.random() < 0.3
    rows = [
        Row(n, train, None if alone else value, rate, every)
        for n, (train, value) in enumerate(zip(below, values, strict=True), 1)
    ]
    if state == "exploding" and chance.random() < 0.7:
        rows = _broken(rows, chance)
    return Made(state, rows, chance.choice(ENDLESS), chance.choice((4, 5, 6)))


def _broken(rows: list[Row], chance: random.Random) -> list[Row]:
    """One value, or all from there on, that is not finite or huge: of both losses, or of one."""
    first = chance.choice((len(rows) - 1, len(rows) - 1, chance.randrange(2, len(rows))))
    last = chance.choice((first + 1, len(rows)))
    value = chance.choice((math.nan, math.nan, math.inf, 1e30))
    of = chance.choice(("train", "evaluation", "both")) if rows[0].evaluation is not None else "train"
    found = list(rows)
    for row in rows[first:last]:
        trained = value if of != "evaluation" else row.train
        evaluated = value if of != "train" else row.evaluation
        found[row.number - 1] = replace(
            row, train=trained, evaluation=evaluated if row.evaluation is not None else None
        )
    return found


def _shapes(state: str, chance: random.Random, count: int, held_out: bool) -> tuple[Shape, Shape]:
    """The course of evaluations and of training."""
    level = chance.uniform(2.0, 4.0)
    fall = _falling(chance, level, count, held_out)
    if state in ("falling", "too short"):
        return fall, fall
    if state == "plateau":
        flat = _flat(chance, level, held_out)
        return flat, flat
    if state == "oscillating":
        swings = _swinging(chance, level, count, held_out)
        return swings, swings
    lowest = chance.uniform(0.35, 0.6)
    if state == "overfitting":
        rise, power = chance.uniform(0.12, 0.4), chance.choice((1.0, 1.5) if not held_out else (1.2, 2.0))
        valley = _valley(level, lowest, rise, power)
        return valley, lambda t: level * (1.0 - 0.5 * t) if held_out else level * math.exp(-0.6 * t)
    begin, times = chance.uniform(0.7, 0.9), chance.uniform(3.0, 20.0)
    sudden = held_out

    def broken(t: float) -> float:
        up = float(t > begin) if sudden else max(0.0, (t - begin) / (1 - begin))
        return float(fall(min(t, begin)) * times**up)

    return broken, broken


def _falling(chance: random.Random, level: float, count: int, held_out: bool) -> Shape:
    """Falls at its end by at least 5 % over the next ten values, or a third of the run."""
    while True:
        lost, pace = chance.uniform(0.1, 0.6), chance.uniform(0.5, 2.5)
        shape = chance.choice((_power(level, lost, 6 * pace), _line(level, lost / 1.5)))
        if not held_out:
            shape = chance.choice((_exponential(level, lost, pace), _line(level, lost)))
        ahead = 1 + max(10 / (count - 1), 1 / 3)
        if 1 - shape(ahead) / shape(1.0) >= 0.05:
            return shape


def _line(level: float, lost: float) -> Shape:
    return lambda t: level * (1 - lost * t)


def _exponential(level: float, lost: float, pace: float) -> Shape:
    return lambda t: level * (1 - lost + lost * math.exp(-pace * t))


def _power(level: float, exponent: float, times: float) -> Shape:
    return lambda t: float(level * (1 + times * t) ** -exponent)


def _flat(chance: random.Random, level: float, held_out: bool) -> Shape:
    """Level, from the start or after a fall that is over by the middle."""
    until, lost = chance.uniform(0.2, 0.45), chance.uniform(0.2, 0.5) * chance.choice((0, 1))
    power = 3 if held_out else 1
    return lambda t: float(level * (1 + lost * max(0.0, 1 - t / until) ** power))


def _swinging(chance: random.Random, level: float, count: int, held_out: bool) -> Shape:
    """Up and down by 10 to 30 % around a level."""
    high, turns = chance.uniform(0.12, 0.3), (count - 1) / chance.uniform(2.2, 5.0)
    if held_out:
        jumps = [random.Random(f"{level} {n}").uniform(0.6, 1.4) * (-1) ** n for n in range(count)]
        return lambda t: level * (1 + high * jumps[round(t * (count - 1))])
    return lambda t: level * (1 + high * math.sin(2 * math.pi * turns * t + 0.7))


def _valley(level: float, lowest: float, rise: float, power: float) -> Shape:
    return lambda t: (
        level * (1 + 0.4 * (1 - t / lowest) ** 2 if t < lowest else 1 + rise * ((t - lowest) / (1 - lowest)) ** power)
    )


def verdict_of(form: Format, curve: Made, folder: Path) -> str:
    """What is said of the curve as a file of that format: one of the six words, or 'refused'."""
    path = folder / form.name
    endless = curve.endless if form.quoted or curve.endless[0] not in "'\"" else "nan"
    path.write_bytes(form.content(curve.rows, endless, curve.digits))
    try:
        return judge(read_curves(path)).verdict
    except UserError:
        return "refused"


def asked(form: Format, state: str, curve: Made) -> bool:
    """Whether a format can show that state at all: without evaluations nothing overfits, nor do they break."""
    if "evaluation" in form.of:
        return True
    return state != "overfitting" and (state != "exploding" or not _only_evaluations_broke(curve.rows))


def _only_evaluations_broke(rows: Sequence[Row]) -> bool:
    broken = [row for row in rows if row.evaluation is not None and not abs(row.evaluation) < 1e6]
    return bool(broken) and all(abs(row.train) < 1e6 for row in broken)


Outcome = tuple[str, str, float, str]  # format, truth, noise, verdict


def outcomes(seeds: Sequence[int], held_out: bool, noises: Sequence[float] = NOISES) -> Iterator[Outcome]:
    """What is said of all, in every format."""
    with tempfile.TemporaryDirectory() as folder:
        for name in FORMATS:
            for state in STATES:
                for noise in noises:
                    for seed in seeds:
                        curve = made(state, noise, seed, held_out)
                        if asked(FORMATS[name], state, curve):
                            yield name, state, noise, verdict_of(FORMATS[name], curve, Path(folder))


def shares(found: Sequence[Outcome]) -> dict[str, float]:
    """The share that is right, and of breaks the share that is seen."""
    breaks = [verdict for _, truth, _, verdict in found if truth == "exploding"]
    right = sum(truth == verdict for _, truth, _, verdict in found)
    return {"count": len(found), "right": right / len(found), "breaks seen": breaks.count("exploding") / len(breaks)}


def main() -> None:
    """Print what is wrong, by format and by truth, and the shares against their bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    result = {}
    for title, held_out, first in (("chosen with", False, 0), ("held out", True, 7000)):
        found = list(outcomes(range(first, first + given.seeds), held_out))
        result[title] = shares(found)
        print(f"\n{title}: {len(FORMATS)} formats x {len(STATES)} states x {len(NOISES)} noises x {given.seeds} seeds")
        for what in (1, 0):
            for name in dict.fromkeys(one[what] for one in found):
                those = [one for one in found if one[what] == name]
                wrong = Counter(f"{one[1]} called {one[3]}" for one in those if one[1] != one[3])
                listed = ", ".join(f"{words} {number}" for words, number in wrong.most_common(4))
                print(f"  {name:34} right {1 - wrong.total() / len(those):7.2%} of {len(those):5}   {listed}")
        right, seen = result[title]["right"], result[title]["breaks seen"]
        print(f"  right {right:.2%} (bar {BAR:.0%}), breaks seen {seen:.2%} (bar 100%)")
    if given.out:
        given.out.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
