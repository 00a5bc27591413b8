"""Rows of named numbers, of a table or the lines of a log, to curves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from statistics import median

from xtts_finetune.curves.curves import Curves, Series, Unit, series
from xtts_finetune.curves.judge import typical_distance
from xtts_finetune.curves.readers.names import Role, chosen_pair, is_loss, role_of

Row = Mapping[str, float]
EVERY_STEP = 2  # positions no further apart: losses of single batches, not means
OF_BATCHES = 0.03  # of the value: losses of batches differ by more from one to the next
AN_EPOCH = 3  # values of one epoch, at least: losses of single batches, not means
MOST_RESUMES = 3  # a count that goes back more often counts something else


def curves_of_rows(rows: Sequence[Row], source: str, form: str, what: str) -> Curves | None:
    """The curves of rows, in the order in which they were written; None without any loss.

    `what` is what a name is called in a note: 'column', 'name'. Positions are steps where these only rise, else
    epochs, else the number of the row. A row in which any loss is NaN or infinite is so in the chosen curve.
    """
    count = Counter(name for row in rows for name in row)
    roles = {name: role for name in count if (role := role_of(name)) is not None}
    train, evaluation = chosen_pair(_named(roles, "train"), _named(roles, "evaluation"), count)
    if train is None and evaluation is None:
        return None
    grad = next((name for name in _named(roles, "grad_norm") if any(row.get(name) for row in rows)), None)
    rate = next(iter(_named(roles, "learning_rate")), None)
    filled = [_overflown(row, grad) for row in _without_gaps(rows, train, evaluation)]
    unit, places, by = positions_of(rows, roles)

    def curve(name: str | None, *told_by: Role) -> Series:
        if name is None:
            return Series()
        mates = [mate for mate, role in roles.items() if role in told_by]
        points = []
        for place, row in zip(places, filled, strict=True):
            ends = [row[mate] for mate in mates if mate in row and not math.isfinite(row[mate])]
            if ends or name in row:
                points.append((place, ends[0] if ends else row[name]))
        means = role_of(name) == "evaluation"
        if unit == "step":
            return series(name, points, averaged=means or is_averaged(points))
        return series(name, spread(points), averaged=means or not are_batches(points))

    read = [f"training is {what} '{train}'"] if train else []
    read += [f"evaluation is {what} '{evaluation}'"] if evaluation else []
    return Curves(
        unit,
        # Where there is no curve of one kind, the other one tells what broke.
        curve(train, "train", *(("evaluation",) if evaluation is None else ())),
        curve(evaluation, "evaluation", *(("train",) if train is None else ())),
        curve(rate),
        curve(grad),
        source,
        form,
        None,
        (f"{', '.join(read)}; positions are {by}",),
    )


def _without_gaps(rows: Sequence[Row], train: str | None, evaluation: str | None) -> Iterable[Row]:
    """Rows without the NaN that stands for an empty cell, as pandas prints it where each row has one of two losses."""
    if train is None or evaluation is None:
        return rows
    there = [(math.isfinite(row.get(train, math.nan)), math.isfinite(row.get(evaluation, math.nan))) for row in rows]
    if (True, True) in there or not {(True, False), (False, True)} <= set(there):
        return rows
    return [
        {name: value for name, value in row.items() if not (is_loss(name) and value != value)} if any(has) else row
        for row, has in zip(rows, there, strict=True)
    ]


def _overflown(row: Row, grad: str | None) -> Row:
    """The row with NaN for a loss of exactly 0 whose gradient is NaN: transformers' Trainer writes it so."""
    if grad is None or math.isfinite(row.get(grad, 0.0)):
        return row
    return {name: math.nan if value == 0 and role_of(name) == "train" else value for name, value in row.items()}


def positions_of(rows: Sequence[Row], roles: Mapping[str, Role]) -> tuple[Unit, list[float], str]:
    """The unit, each row's position (NaN: overwritten after a resume), and where these are from."""
    epochs = [(name, found) for name in _named(roles, "epoch") if len(set(found := _carried(rows, name) or ())) > 1]
    for name in _named(roles, "step"):
        steps = _carried(rows, name)
        if steps is None or len(set(steps)) < 2:
            continue
        back = [now for now, (a, b) in enumerate(pairwise(steps), 1) if b < a]
        again = epochs and any(found[now] > found[now - 1] for _, found in epochs for now in back)
        if not again and len(back) <= MOST_RESUMES and all(steps[now] > steps[0] for now in back):
            return "step", _kept(steps, back), f"'{name}'"
    for name, found in epochs:
        back = [now for now, (a, b) in enumerate(pairwise(found), 1) if b < a]
        return "epoch", _kept(found, back), f"'{name}'"
    return "epoch", [float(number) for number in range(1, len(rows) + 1)], "the order of lines"


def _kept(places: Sequence[float], back: Sequence[int]) -> list[float]:
    """The positions, NaN for those that a resumed run trained again."""
    found = list(places)
    for now in back:
        found[:now] = [math.nan if place >= places[now] else place for place in found[:now]]
    return found


def is_averaged(points: Sequence[tuple[float, float]]) -> bool:
    """Whether values are probably means: a loss that is written at every step and jumps is that of a batch."""
    gaps = [b[0] - a[0] for a, b in pairwise(points) if b[0] > a[0]]
    return not gaps or median(gaps) > EVERY_STEP or not _jumps([value for _, value in points if math.isfinite(value)])


def _jumps(values: Sequence[float]) -> bool:
    """Whether values differ from the middle of their neighbours by more than means would."""
    off = [(a + c) / 2 - b for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return bool(off) and typical_distance(off) / math.sqrt(1.5) > OF_BATCHES * abs(median(values))


def are_batches(points: Sequence[tuple[float, float]]) -> bool:
    """Whether so many values stand at one epoch that they are losses of single batches."""
    sizes = [len(list(same)) for _, same in groupby(points, key=lambda point: point[0])]
    return bool(sizes) and median(sizes) >= AN_EPOCH


def spread(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Values of one epoch spread evenly over the time since the epoch before, the last one at its number."""
    groups = [list(same) for _, same in groupby(points, key=lambda point: point[0]) if math.isfinite(_)]
    ends = [group[0][0] for group in groups]
    found = []
    for number, group in enumerate(groups):
        end = ends[number]
        since = ends[number - 1] if number else end - (ends[1] - end if len(ends) > 1 else 1.0)
        size = len(group)
        found += [(end - (end - since) * (size - 1 - n) / size, value) for n, (_, value) in enumerate(group)]
    return found


def _named(roles: Mapping[str, Role], wanted: Role) -> list[str]:
    return [name for name, role in roles.items() if role == wanted]


def _carried(rows: Sequence[Row], name: str) -> list[float] | None:
    """The number of each row, where one is missing that of the row before; None when no row has one."""
    known = [row[name] for row in rows if math.isfinite(row.get(name, math.nan))]
    if not known:
        return None
    found, now = [], known[0]
    for row in rows:
        now = row[name] if math.isfinite(row.get(name, math.nan)) else now
        found.append(now)
    return found
