"""Where the end of a curve goes (falls, stays, rises, too noisy to tell), and which part of it speaks of its end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np

from xtts_finetune.curves.curves import Series
from xtts_finetune.curves.judge import typical_distance
from xtts_finetune.curves.line import ODD, Line, Numbers, as_numbers, line_through, local_noise, polynomials

MOST = 60  # values that are looked at; of more, means of neighbours
MOST_BLOCKS = 40  # of losses of single batches
BATCHES = 8  # batches in a block, at least: their losses differ by what was in them
SHORTEST = 6  # values of a window, where there are as many
SHORTEST_SHARE = 0.25  # of all values: a shorter end says little about a long run
BENT = 2.5  # standard deviations
SHORTER = 0.9  # each window that is tried is so much shorter than the one before


def in_blocks(found: Series) -> Series:
    """The finite values, thinned by means of neighbours so that noise is small and pairs are few.

    Evaluations stay as they are, up to 60; losses of single batches are put together by eights or more, by
    fewer where there are fewer than 64.
    """
    finite = found.finite
    count = len(finite)
    size = math.ceil(count / MOST)
    if not finite.averaged:
        # Few batches make smaller blocks: eight noisy values tell more than two good ones.
        size = max(math.ceil(count / MOST_BLOCKS), min(BATCHES, count // BATCHES))
    if size <= 1:
        return finite
    # Whole blocks only, counted from the end: the newest values are the ones that matter.
    blocks = count // size
    start = count - size * blocks
    positions = as_numbers(finite.positions[start:]).reshape(blocks, size)
    values = as_numbers(finite.values[start:]).reshape(blocks, size)
    return Series(finite.name, tuple(positions.mean(axis=1).tolist()), tuple(values.mean(axis=1).tolist()))


def window_start(positions: Numbers, values: Numbers) -> int:
    """Where the longest last part begins that is not bent; at least 6 values and a quarter of all."""
    count = len(values)
    shortest = shortest_window(count)
    length = count
    while length > shortest and is_bent(positions[-length:], values[-length:]):
        length = max(shortest, int(length * SHORTER))
    return count - length


def shortest_window(count: int) -> int:
    """How many of `count` values a window has at least."""
    return min(count, max(SHORTEST, math.ceil(SHORTEST_SHARE * count)))


def is_bent(positions: Numbers, values: Numbers) -> bool:
    """Whether a parabola or a cubic lies better than a line, by more than noise explains.

    What the line leaves is held against the polynomials that are orthogonal to all lines; the share of each in
    white noise would have the noise's own standard deviation.
    """
    line = line_through(positions, values, chance=0.05)
    around = values - line.level - line.slope * (positions - positions[-1])
    around = np.clip(around, -ODD * line.noise, ODD * line.noise)
    noise = max(local_noise(values), 1e-7 * abs(line.level))
    bends = polynomials(positions)[:, 2:].T @ around
    return float(np.max(np.abs(bends))) > BENT * noise * math.sqrt((1 + line.memory) / (1 - line.memory))


Direction = Literal["falling", "flat", "rising", "unknown"]

CHANCE = 0.05  # of each test, one-sided
RELEVANT = 0.02  # a fall of less than this share of the value over the horizon is not worth waiting for
HORIZON = 10  # values to come, or a third of what there was if that is more
LATER = 2  # values by which each further look begins later
FEWEST = 4  # values; of fewer no order is rarer than one in twenty
FEWEST_FLAT = 6  # values; of fewer nobody should believe a plateau


@dataclass(frozen=True)
class Movement:
    """The end of a curve: `direction`, and what it rests on.

    `fall` is the share of the value that the curve would lose over the next `horizon` (in positions) at its
    present rate; `fall_low` and `fall_high` are its one-sided 95 % limits. `start` is the first position of the
    window that was looked at, `values` how many values it has. `relevant` is the fall that would be worth waiting
    for. `level` is where the curve is now, `since` since when it is there if it is flat.
    """

    direction: Direction
    level: float
    fall: float
    fall_low: float
    fall_high: float
    horizon: float
    relevant: float
    noise: float
    memory: float
    start: float
    values: int
    since: float | None = None

    @property
    def more_values(self) -> int | None:
        """How many further values would show that nothing relevant happens, if nothing does; None if unknown.

        The limits of a slope draw together with the number of values to the power of 1.5.
        """
        room = self.relevant - max(self.fall, 0.0)
        width = self.fall_high - self.fall
        if self.direction != "unknown" or not np.isfinite(width) or room <= 0:
            return None
        return max(int(np.ceil(self.values * ((width / room) ** (2 / 3) - 1))), 1)


def movement_of(curve: Series, relevant: float = RELEVANT) -> Movement | None:
    """How the end of a curve of finite, averaged values moves; None for fewer than 4 values.

    'falling': it falls by more than chance. 'flat': a fall that is worth waiting for is excluded, by the test of
    equivalence (Schuirmann, 1987; one-sided, as a rise is no reason to wait): the upper limit of the fall over the
    horizon is below `relevant`. This counts before 'falling': a fall that is certain and too small is a plateau.
    'rising': it rises by more than chance, and by `relevant`. 'unknown': none of these is certain.
    """
    if len(curve) < FEWEST:
        return None
    positions, values = as_numbers(curve.positions), as_numbers(curve.values)
    start = window_start(positions, values)
    found = _movement(positions, values, start, CHANCE, relevant)
    last = len(values) - shortest_window(len(values))
    while found.direction == "unknown" and (start := start + LATER) <= last:
        # The window may still hold the end of a fall that noise hides. The second looks share their own chance.
        again = _movement(positions, values, start, CHANCE / 2, relevant)
        if again.direction == "flat":
            return again
    return found


def _movement(positions: Numbers, values: Numbers, first: int, chance: float, relevant: float) -> Movement:
    """The movement of the part that begins at `first`."""
    line = line_through(positions[first:], values[first:], chance)
    horizon = max(HORIZON * float(np.median(np.diff(positions))), float(positions[-1] - positions[0]) / 3)
    scale = horizon / max(abs(line.level), 1e-12)
    fall, low, high = (-slope * scale for slope in (line.slope, line.high, line.low))
    direction = _direction(line, fall, low, high, relevant)
    return Movement(
        direction,
        line.level,
        fall,
        low,
        high,
        horizon,
        relevant,
        line.noise,
        line.memory,
        float(positions[first]),
        line.points,
        flat_since(positions, values, first, relevant) if direction == "flat" else None,
    )


def _direction(line: Line, fall: float, low: float, high: float, relevant: float) -> Direction:
    if high < 0 and -fall >= relevant:
        return "rising"
    if high < relevant and line.points >= FEWEST_FLAT:
        return "flat"
    return "falling" if low > 0 else "unknown"


def flat_since(positions: Numbers, values: Numbers, first: int, relevant: float) -> float:
    """The first position from which on the curve stays at the level of its end.

    It is there once the middle of three neighbours is no further above the level than half of what is relevant
    or two standard deviations of such a middle.
    """
    level = float(np.median(values[first:]))
    noise = max(local_noise(values[first:]), typical_distance(values[first:] - level))
    # The median of three Gaussian values has 0.67 of their standard deviation.
    allowed = max(relevant / 2 * abs(level), 2 * 0.67 * noise)
    smooth = running_median(values)
    outside = np.flatnonzero(np.abs(smooth[: max(first, len(values) // 2)] - level) > allowed)
    return float(positions[outside[-1] + 1 if len(outside) else 0])


def running_median(values: Numbers) -> Numbers:
    """The middle of each value and its two neighbours; of the first and last, of what there is."""
    return as_numbers([median(values[max(i - 1, 0) : i + 2].tolist()) for i in range(len(values))])
