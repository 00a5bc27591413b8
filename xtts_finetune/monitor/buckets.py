"""A curve of any length in bounded memory: means with the lowest and highest value of each stretch.

A spike of one step stays to be seen however long the run gets, as a stretch keeps its extremes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 512
DIGITS = 5
STEP, LOW, HIGH, TOTAL, COUNT = range(5)

Stretch = tuple[float, float | None, float | None, float | None]


class Buckets:
    """Stretches of equally many values each; when there are more than `most`, neighbours become one."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._width = 1  # values a bucket
        self._seen = 0
        self._table: NDArray[np.float64] | None = None  # (buckets, 5): see STEP ... COUNT

    def __len__(self) -> int:
        return 0 if self._table is None else len(self._table)

    @property
    def last_step(self) -> float:
        """The step of the newest value, -1 for none."""
        return -1.0 if self._table is None or not len(self._table) else float(self._table[-1, STEP])

    def extend(self, steps: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Add values in the order in which they were found. Ones that are not finite count as steps without a value.

        A step that is not after the one before it was done again: what was known from it on is dropped.
        """
        import numpy as np  # noqa: PLC0415  (not for --help)

        again = np.flatnonzero(np.diff(steps) <= 0) + 1
        for rising, of_them in zip(np.split(steps, again), np.split(values, again), strict=True):
            if len(rising):
                self._extend(rising, of_them)

    def _extend(self, steps: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        import numpy as np  # noqa: PLC0415

        if steps[0] <= self.last_step:
            self._cut(float(steps[0]))
        value = np.where(np.isfinite(values), values, np.nan)
        place = (self._seen + np.arange(len(steps))) // self._width
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        ends = np.append(starts[1:], len(steps)) - 1
        there = np.isfinite(value)
        new = np.column_stack(
            [
                steps[ends],
                np.fmin.reduceat(value, starts),
                np.fmax.reduceat(value, starts),
                np.add.reduceat(np.where(there, value, 0.0), starts),
                np.add.reduceat(there.astype(float), starts),
            ]
        )
        if self._table is None or not len(self._table):
            self._table = new
        elif self._seen % self._width:  # the newest bucket is not full yet
            merged = _merged(np.vstack([self._table[-1:], new[:1]]))
            self._table = np.vstack([self._table[:-1], merged, new[1:]])
        else:
            self._table = np.vstack([self._table, new])
        self._seen += len(steps)
        while len(self._table) > self._most:
            self._table = _merged(self._table)
            self._width *= 2

    def _cut(self, step: float) -> None:
        if self._table is None:
            return
        kept = self._table[self._table[:, STEP] < step]
        self._table = kept
        self._seen = len(kept) * self._width

    def points(self) -> list[Stretch]:
        """(step, lowest, mean, highest) of each stretch; None where no value of it is finite."""
        if self._table is None:
            return []
        return [
            (step, *(_short(value) for value in (low, total / count if count else math.nan, high)))
            for step, low, high, total, count in self._table.tolist()
        ]


def _merged(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each two neighbours as one; the last one alone where there is an odd number."""
    import numpy as np  # noqa: PLC0415

    starts = np.arange(0, len(table), 2)
    ends = np.minimum(starts + 1, len(table) - 1)
    return np.column_stack(
        [
            table[ends, STEP],
            np.fmin.reduceat(table[:, LOW], starts),
            np.fmax.reduceat(table[:, HIGH], starts),
            np.add.reduceat(table[:, TOTAL], starts),
            np.add.reduceat(table[:, COUNT], starts),
        ]
    )


def _short(value: float) -> float | None:
    """Enough digits for a drawing, few enough to send often."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
