"""Rows of named numbers, as a table or the lines of a log hold them, to curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from xtts_finetune.curves.curves import Curves, Series, Unit, series
from xtts_finetune.curves.readers.roles import Role, chosen_pair, role_of

EVERY_STEP = 2  # positions no further apart: losses of single batches, not means


def curves_of_rows(rows: Sequence[Mapping[str, float]], source: str, form: str, what: str) -> Curves | None:
    """The curves of rows, in the order in which they were written; None without any loss.

    `what` is what a name is called in a note: 'column', 'name'. Positions are steps where these only rise, else
    epochs, else the number of the row.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    roles = {name: role for name in names if (role := role_of(name)) is not None}
    train, evaluation = chosen_pair(_named(roles, "train"), _named(roles, "evaluation"))
    if train is None and evaluation is None:
        return None
    unit, places, by = positions_of(rows, roles)
    rate = next(iter(_named(roles, "learning_rate")), None)
    grad = next(iter(_named(roles, "grad_norm")), None)

    def curve(name: str | None) -> Series:
        if name is None:
            return Series()
        points = [(place, row[name]) for place, row in zip(places, rows, strict=True) if name in row]
        return series(name, points, averaged=unit == "epoch" or is_averaged(points))

    read = [f"training is {what} '{train}'"] if train else []
    read += [f"evaluation is {what} '{evaluation}'"] if evaluation else []
    note = f"{', '.join(read)}; positions are {by}"
    return Curves(
        unit, curve(train), curve(evaluation), curve(rate), curve(grad), source, form, None, (note,)
    )


def positions_of(
    rows: Sequence[Mapping[str, float]], roles: Mapping[str, Role]
) -> tuple[Unit, list[float], str]:
    """The unit, each row's position, and where these are from."""
    for name in _named(roles, "step"):
        steps = _carried(rows, name)
        if steps is not None and all(a <= b for a, b in pairwise(steps)) and steps[0] < steps[-1]:
            return "step", steps, f"'{name}'"
    for name in _named(roles, "epoch"):
        epochs = _carried(rows, name)
        if epochs is not None and len(set(epochs)) > 1:
            return "epoch", _spread(epochs), f"'{name}'"
    return "epoch", [float(number) for number in range(1, len(rows) + 1)], "the order of lines"


def is_averaged(points: Sequence[tuple[float, float]]) -> bool:
    """Whether values are probably means: a loss that is written at every step is that of a batch."""
    gaps = [b[0] - a[0] for a, b in pairwise(points) if b[0] > a[0]]
    return not gaps or median(gaps) > EVERY_STEP


def _named(roles: Mapping[str, Role], wanted: Role) -> list[str]:
    return [name for name, role in roles.items() if role == wanted]


def _carried(rows: Sequence[Mapping[str, float]], name: str) -> list[float] | None:
    """The number of each row, where one is missing that of the row before; None when the first has none."""
    found: list[float] = []
    for row in rows:
        value = row.get(name, found[-1] if found else None)
        if value is None or value != value or abs(value) == float("inf"):
            return None
        found.append(value)
    return found


def _spread(epochs: Sequence[float]) -> list[float]:
    """Rows of one epoch spread over it evenly, the last one at its number."""
    places = []
    first = 0
    for number, epoch in enumerate(epochs):
        if number == 0 or epoch != epochs[number - 1]:
            first = number
            same = next((n for n in range(number, len(epochs)) if epochs[n] != epoch), len(epochs)) - first
        places.append(epoch - (same - 1 - (number - first)) / same)
    return places
