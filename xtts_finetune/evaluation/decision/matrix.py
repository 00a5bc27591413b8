"""Reading the decision matrix: which row fits a candidate's numbers, and what is still open about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from xtts_finetune.spec.decision import Range, RowSpec

# What each condition is called for people, with its range.
NAMES = {
    "mel_ce": "mel_ce {}",
    "mel_ce_of_base": "mel_ce {} of the base's",
    "text_ce": "text_ce {}",
    "quality": "a score {}",
}


@dataclass(frozen=True)
class Values:
    """A candidate's numbers that rows look at; None for what is not known.

    mel_ce in nats, text_ce in 0.01 x nats, mel_ce_of_base a share (1 is the base's own), quality out of 10.
    """

    mel_ce: float | None = None
    mel_ce_of_base: float | None = None
    text_ce: float | None = None
    quality: float | None = None


@dataclass(frozen=True)
class Fit:
    """A row that fits: its number (from 1), the conditions that are met, and those that are open yet."""

    row: int
    met: tuple[str, ...]
    open: tuple[str, ...]


def first_fit(rows: Sequence[RowSpec], values: Values, passed_over: Collection[str] = ()) -> Fit | None:
    """The first row that holds; where none does for certain, the first one that fails in nothing.

    Rows that ship one of `passed_over` do not count.

    A condition on an unknown number neither holds nor fails: it is left open. So a matrix can say what holds
    before anybody has listened in rows without a mark, below those with one.
    """
    fits = [
        fit
        for number, row in enumerate(rows, 1)
        if row.ship not in passed_over and (fit := _fit(number, row, values)) is not None
    ]
    return next((fit for fit in fits if not fit.open), next(iter(fits), None))


def _fit(number: int, row: RowSpec, values: Values) -> Fit | None:
    met, still_open = [], []
    for key, name in NAMES.items():
        wanted: Range | None = getattr(row, key)
        value: float | None = getattr(values, key)
        if wanted is None:
            continue
        condition = name.format(in_words(wanted, percent=key == "mel_ce_of_base"))
        if value is None:
            still_open.append(condition)
        elif wanted.holds(value):
            met.append(condition)
        else:
            return None
    return Fit(number, tuple(met), tuple(still_open))


def in_words(wanted: Range, percent: bool = False) -> str:
    """A range for people, such as 'from 2.5 to 3' or 'below 2.5'; 'below 75 %' where it is of shares."""

    def shown(bound: float) -> str:
        return f"{100 * bound:g} %" if percent else f"{bound:g}"

    if wanted.at_least is not None and wanted.at_most is not None:
        return f"from {shown(wanted.at_least)} to {shown(wanted.at_most)}"
    bounds = [("above", wanted.above), ("at least", wanted.at_least), ("at most", wanted.at_most)]
    bounds.append(("below", wanted.below))
    return " and ".join(f"{word} {shown(bound)}" for word, bound in bounds if bound is not None)


def limits_of(rows: Sequence[RowSpec], key: str) -> tuple[float, ...]:
    """Every number that rows compare `key`, one of NAMES, with."""
    wanted: list[Range | None] = [getattr(row, key) for row in rows]
    bounds = [(each.above, each.at_least, each.at_most, each.below) for each in wanted if each is not None]
    return tuple(bound for each in bounds for bound in each if bound is not None)
