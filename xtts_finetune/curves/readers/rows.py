"""Rows of named numbers, of a table or the lines of a log, to curves: what each is, guessed from its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Literal

from xtts_finetune.curves.curves import Curves, Series, Unit, series

Role = Literal["step", "epoch", "train", "evaluation", "learning_rate", "grad_norm"]

EVALUATION = {"eval", "evaluation", "val", "valid", "validation", "dev", "test"}
TRAINING = {"train", "training"}
LOSS = {"loss", "ce", "nll", "criterion"}
STEP = {"step", "steps", "globalstep", "iteration", "iterations", "iter", "update", "updates"}
OTHER = {
    "time",
    "seconds",
    "loader",
    "std",
    "best",
    "min",
    "diff",
    "scale",
    "weight",
}  # of a loss, but no loss
PARTS = {
    "text",
    "stop",
    "kl",
    "duration",
    "gate",
    "triplet",
    "aux",
}  # one part of the loss: only where no other is


def words_in(name: str) -> list[str]:
    """The words of a name: 'EvalStats/avg_loss_mel_ce' has eval, stats, avg, loss, mel, ce."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[^A-Za-z]+", apart) if word]


def role_of(name: str) -> Role | None:
    """What a number of this name is; None for what a diagnosis does not read."""
    words = words_in(name)
    found = set(words)
    joined = "".join(words)
    if "lr" in found or "learningrate" in joined:
        return "learning_rate"
    if "grad" in found or "gradient" in found:
        return "grad_norm"
    if found & LOSS and not found & OTHER:
        return "evaluation" if found & EVALUATION else "train"
    if found & STEP and len(found) <= 3 and not found & OTHER:
        return "step"
    return "epoch" if found in ({"epoch"}, {"epochs"}) else None


def quantity_of(name: str) -> str:
    """Which loss it is, whatever set it was measured on: 'val_loss' and 'train_loss' are the same."""
    return " ".join(
        word for word in words_in(name) if word not in EVALUATION | TRAINING | {"avg", "stats", "epoch", "iter"}
    )


def chosen_pair(train: Iterable[str], evaluation: Iterable[str]) -> tuple[str | None, str | None]:
    """The names of a training and an evaluation loss that go together, the ones that say most about the voice.

    The mel loss is best, then the whole loss, then a part of it; of two names of one quantity, means of epochs.
    """
    trains, evaluations = list(train), list(evaluation)

    def rank(name: str) -> tuple[int, int, int]:
        words = set(words_in(name))
        kind = 0 if {"mel", "ce"} <= words else 2 if words & PARTS else 1
        return kind, len(quantity_of(name)), 0 if "avg" in words or "epoch" in words else 1

    best_eval = min(evaluations, key=rank, default=None)
    if best_eval is None:
        return min(trains, key=rank, default=None), None
    same = [name for name in trains if quantity_of(name) == quantity_of(best_eval)]
    return min(same or trains, key=rank, default=None), best_eval


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
    return Curves(unit, curve(train), curve(evaluation), curve(rate), curve(grad), source, form, None, (note,))


def positions_of(rows: Sequence[Mapping[str, float]], roles: Mapping[str, Role]) -> tuple[Unit, list[float], str]:
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
