"""Made curves whose truth is known: what diagnosis_accuracy and the tests hold the diagnosis against.

A case is a shape, a length and a size of noise. 'falling' loses at least 4 % over the next ten evaluations (or a
third of the run, if longer) at its end: twice what counts as relevant. 'plateau' loses nothing. In between there
is no truth: a convention decides there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.curves.curves import Curves, Series, series

Numbers = NDArray[np.float64]
DEMO_NOISE = 0.003  # of the value: standard deviation of the demo's evaluations around their trend
EVERY = 25  # steps between evaluations


@dataclass(frozen=True)
class Case:
    """One curve with its truth; `noise` is a share of the value, `memory` its correlation from value to value."""

    name: str
    truth: str
    count: int
    noise: float
    shape: Callable[[Numbers], Numbers]
    train: Callable[[Numbers], Numbers] | None = None
    memory: float = 0.0
    spikes: int = 0

    def curves(self, seed: int) -> Curves:
        """The case with the noise of one seed: evaluations, and training of each step where it has a shape."""
        chance = np.random.default_rng([seed, *self.name.encode()])
        at = np.arange(self.count, dtype=np.float64)
        values = self.shape(at / max(self.count - 1, 1)) * (1 + self.noise * _noise(chance, self.count, self.memory))
        for spike in chance.choice(self.count - 1, self.spikes, replace=False) if self.spikes else ():
            values[spike] *= 1.25
        evaluation = series("mel_ce", zip((EVERY * at).tolist(), values.tolist(), strict=True))
        return Curves("step", self._train(chance), evaluation)

    def _train(self, chance: np.random.Generator) -> Series:
        if self.train is None:
            return Series()
        steps = np.arange(1, EVERY * (self.count - 1) + 1, dtype=np.float64)
        # Batches of the demo differ by about 6 % in their losses.
        losses = self.train(steps / steps[-1]) * (1 + 0.06 * chance.standard_normal(len(steps)))
        return series("loss", zip(steps.tolist(), losses.tolist(), strict=True), averaged=False)


def _noise(chance: np.random.Generator, count: int, memory: float) -> Numbers:
    """Gaussian noise of standard deviation 1, each value remembering the one before (AR(1))."""
    fresh = chance.standard_normal(count)
    for now in range(1, count):
        fresh[now] = memory * fresh[now - 1] + math.sqrt(1 - memory**2) * fresh[now]
    return fresh


def constant(level: float) -> Callable[[Numbers], Numbers]:
    """Nothing moves."""
    return lambda t: np.full_like(t, level)


def line(start: float, end: float) -> Callable[[Numbers], Numbers]:
    """A straight line."""
    return lambda t: start + (end - start) * t


def exponential(start: float, end: float, times: float) -> Callable[[Numbers], Numbers]:
    """Falls towards `end`, by a factor of e^-times over the whole."""
    return lambda t: end + (start - end) * np.exp(-times * t)


def power(start: float, exponent: float, times: float) -> Callable[[Numbers], Numbers]:
    """A power law, as losses follow over long training (Hestness et al., 2017)."""
    return lambda t: start * (1 + times * t) ** -exponent


def then(first: Callable[[Numbers], Numbers], at: float) -> Callable[[Numbers], Numbers]:
    """As `first` until the share `at`, from there on level."""
    return lambda t: first(np.minimum(t, at))


def wave(level: float, height: float, periods: float) -> Callable[[Numbers], Numbers]:
    """Swings around a level; `height` is a share of it."""
    return lambda t: level * (1 + height * np.sin(2 * np.pi * periods * t + 0.7))


def valley(start: float, lowest: float, end: float, at: float) -> Callable[[Numbers], Numbers]:
    """Falls to `lowest` at the share `at`, then rises."""
    rise = (end - lowest) / (1 - at)
    return lambda t: lowest + np.where(t < at, (start - lowest) * (1 - t / at) ** 2, rise * (t - at))


def blow_up(before: Callable[[Numbers], Numbers], times: float, at: float) -> Callable[[Numbers], Numbers]:
    """As `before`, then growing exponentially to `times` as much."""
    return lambda t: before(t) * np.exp(np.log(times) * np.clip((t - at) / (1 - at), 0, 1))


def no_number(before: Callable[[Numbers], Numbers], at: float) -> Callable[[Numbers], Numbers]:
    """As `before`, then NaN."""
    return lambda t: np.where(t < at, before(t), np.nan)


FALLING_TRAIN = exponential(4.0, 1.2, 2.0)
SMALL, DEMO, SOME, LARGE = 0.001, DEMO_NOISE, 0.006, 0.01


def all_cases() -> list[Case]:
    """At least 60 cases."""
    return [*_falling(), *_plateaus(), *_oscillating(), *_exploding(), *_overfitting(), *_short()]


def _falling() -> list[Case]:
    shapes = {
        "exponential 4.3->2.6": exponential(4.3, 2.4, 2.2),
        "exponential 3.6->2.7": exponential(3.6, 2.2, 1.0),
        "power law": power(4.5, 0.3, 8.0),
        "line 3.5->3.0": line(3.5, 3.0),
        "line 2.7->2.2": line(2.7, 2.2),
        "line 3.3->3.03": line(3.3, 3.03),
    }
    cases = [
        Case(
            f"{name}, {count}, noise {noise}",
            "falling",
            count,
            noise,
            shape,
            FALLING_TRAIN if count < 30 else None,
        )
        for name, shape in shapes.items()
        for count, noise in ((8, SMALL), (12, DEMO), (20, DEMO), (20, LARGE), (40, SOME), (100, LARGE))
    ]
    cases.append(Case("falling with spikes", "falling", 20, DEMO, exponential(3.6, 2.2, 1.0), None, spikes=2))
    cases.append(Case("falling, noise with memory", "falling", 30, SOME, line(3.5, 2.9), None, memory=0.5))
    return cases


def _plateaus() -> list[Case]:
    shapes = {
        "level 2.7": constant(2.7),
        "fell, then level": then(exponential(4.3, 2.9, 6.0), 0.4),
        "line, then level": then(line(3.6, 2.0), 0.5),
    }
    cases = [
        Case(f"{name}, {count}, noise {noise}", "plateau", count, noise, shape)
        for name, shape in shapes.items()
        for count, noise in ((16, SMALL), (16, DEMO), (24, DEMO), (24, SOME), (40, LARGE), (100, LARGE))
    ]
    cases.append(Case("10 epochs at 2.7", "plateau", 10, DEMO, constant(2.7)))
    cases.append(Case("6.72 for 27", "plateau", 27, 0.0008, constant(6.72)))
    cases.append(Case("level with spikes", "plateau", 24, DEMO, constant(2.7), spikes=2))
    cases.append(Case("level, noise with memory", "plateau", 40, DEMO, constant(2.7), memory=0.5))
    cases.append(Case("exponential long over", "plateau", 60, DEMO, exponential(4.3, 2.7, 14.0)))
    cases.append(Case("evaluation level, training falls", "plateau", 24, DEMO, constant(3.1), FALLING_TRAIN))
    return cases


def _oscillating() -> list[Case]:
    return [
        Case("jumping 7 %, 10", "oscillating", 10, 0.08, constant(0.48)),
        Case("jumping 8 %, 20", "oscillating", 20, 0.08, constant(2.7)),
        Case("jumping 10 %, 40", "oscillating", 40, 0.10, constant(2.7)),
        Case("jumping, fell before", "oscillating", 30, 0.08, then(exponential(4.3, 2.9, 8.0), 0.3)),
        Case("zigzag 10 %", "oscillating", 20, 0.01, wave(2.7, 0.10, 9.0)),
        Case("waves of 5, 10 %", "oscillating", 24, 0.01, wave(2.7, 0.10, 4.6)),
        Case("waves of 8, 10 %", "oscillating", 40, 0.01, wave(2.7, 0.10, 5.0)),
        Case("jumping, training falls", "oscillating", 20, 0.10, constant(2.7), exponential(4.0, 2.6, 1.0)),
    ]  # fmt: skip


def _exploding() -> list[Case]:
    good = exponential(4.0, 2.6, 3.0)
    return [
        Case("to 3 times at the end", "exploding", 20, DEMO, blow_up(good, 3.0, 0.85)),
        Case("to 10 times at the end", "exploding", 20, LARGE, blow_up(good, 10.0, 0.9)),
        Case("to 2 times over a third", "exploding", 30, DEMO, blow_up(good, 2.0, 0.67)),
        Case("both to 4 times", "exploding", 20, DEMO, blow_up(good, 4.0, 0.7), blow_up(good, 4.0, 0.7)),
        Case("training alone", "exploding", 12, DEMO, constant(3.0), blow_up(good, 6.0, 0.75)),
        Case("both climb", "exploding", 24, DEMO, line(2.7, 3.3), line(2.7, 3.4)),
        Case("evaluations NaN", "exploding", 16, DEMO, no_number(good, 0.8)),
        Case("NaN at last", "exploding", 16, DEMO, no_number(good, 0.99)),
        Case("both NaN", "exploding", 16, DEMO, no_number(good, 0.8), no_number(good, 0.78)),
    ]


def _overfitting() -> list[Case]:
    cases = [
        Case(
            f"valley to {end}, {count}, noise {noise}",
            "overfitting",
            count,
            noise,
            valley(4.3, 3.1, end, at),
            train,
        )
        for count, noise in ((16, DEMO), (24, SOME), (40, LARGE))
        for end, at, train in ((3.5, 0.4, FALLING_TRAIN), (3.4, 0.6, FALLING_TRAIN), (3.6, 0.5, None))
    ]
    high = then(valley(4.3, 3.1, 4.3, 0.3), 0.6)
    return [*cases, Case("risen, then level", "overfitting", 30, SOME, high, FALLING_TRAIN)]


def _short() -> list[Case]:
    return [
        Case("one", "too short", 1, DEMO, constant(2.7)),
        Case("two", "too short", 2, DEMO, line(3.0, 2.9)),
        Case("three", "too short", 3, DEMO, line(3.0, 2.8)),
        Case("four level", "too short", 4, SOME, constant(2.7)),
        Case("five level", "too short", 5, SOME, constant(2.7)),
        Case("three, with training", "too short", 3, DEMO, constant(3.0), None),
    ]
