"""Synchronous successive halving: all run to the first mark, the better half to the next, and so on.

K. Jamieson and A. Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016,
with the marks doubling. Between two marks a trial keeps its state, so nothing is trained twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

# The first comparison rests on so many evaluations at least: one alone is mostly noise.
FEWEST_EVALS = 2


def marks_of(trials: int, evals: int, warmup_evals: int = 0) -> tuple[int, ...]:
    """The marks at which `trials` are compared, counted in evaluations; the last one is the end.

    There are as many as it takes to halve the trials down to one, doubling towards `evals`; fewer where the first
    would come before `FEWEST_EVALS`, or before an evaluation after the longest warm-up of `warmup_evals`.
    """
    first = max(FEWEST_EVALS, warmup_evals + 1)
    halvings = math.ceil(math.log2(trials)) if trials > 1 else 0
    marks = {evals}
    for number in range(1, halvings + 1):
        mark = -(-evals // 2**number)
        if mark >= first:
            marks.add(mark)
    return tuple(sorted(marks))


def better_half(values: Mapping[str, float]) -> list[str]:
    """The names of the better half (lower is better), rounded up; a value that is no number is the worst.

    Equals stay in their order, so that the same results give the same halves on every machine.
    """
    ranked = sorted(values, key=lambda name: math.inf if math.isnan(values[name]) else values[name])
    return [name for name in ranked[: -(-len(ranked) // 2)] if math.isfinite(values[name])]
