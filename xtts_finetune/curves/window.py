"""Which part of a curve speaks of its end: the longest last part that a straight line describes."""

from __future__ import annotations

import math

import numpy as np

from xtts_finetune.curves.curves import Series
from xtts_finetune.curves.line import ODD, Numbers, as_numbers, line_through, polynomials
from xtts_finetune.curves.noise import local_noise

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
