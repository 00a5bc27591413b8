"""The curves of one training run, in one form whatever file they came from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Unit = Literal["step", "epoch"]
LARGEST = 1e100


@dataclass(frozen=True)
class Series:
    """One number over the course of training: `values[i]` was found at `positions[i]`, in rising order.

    `name` is what the file calls it. `averaged` says that each value is a mean over many clips (an evaluation,
    an epoch); False marks losses of single batches, whose noise says nothing about the model. Values may be
    NaN or infinite; positions may not.
    """

    name: str = ""
    positions: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    averaged: bool = True

    def __post_init__(self) -> None:
        if len(self.positions) != len(self.values):
            raise ValueError(f"{len(self.positions)} positions but {len(self.values)} values")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def finite(self) -> Series:
        """The series without values that are NaN or infinite."""
        kept = [(p, v) for p, v in zip(self.positions, self.values, strict=True) if math.isfinite(v)]
        return Series(self.name, tuple(p for p, _ in kept), tuple(v for _, v in kept), self.averaged)

    def since(self, position: float) -> Series:
        """What was found at `position` or later."""
        kept = [(p, v) for p, v in zip(self.positions, self.values, strict=True) if p >= position]
        return Series(self.name, tuple(p for p, _ in kept), tuple(v for _, v in kept), self.averaged)


def series(name: str, points: Iterable[tuple[float, float]], averaged: bool = True) -> Series:
    """A series of (position, value) in any order; of several at one position the last given counts.

    A run that was resumed from before its end wrote some positions twice: what was trained later is what counts.
    """
    last = {float(position): _bounded(float(value)) for position, value in points if math.isfinite(position)}
    positions = sorted(last)
    return Series(name, tuple(positions), tuple(last[position] for position in positions), averaged)


def _bounded(value: float) -> float:
    """A loss beyond all bounds is infinite: its square would be."""
    return value if not abs(value) > LARGEST else math.copysign(math.inf, value)


@dataclass(frozen=True)
class Curves:
    """Everything that a diagnosis reads. Positions of all series are in `unit`; a series may be empty.

    `source` is the file, `format` what it was recognised as, `phase` the phase of ours that it is, if it is one,
    `notes` what a reader guessed and the user should know, such as the columns of a table.
    """

    unit: Unit
    train: Series = field(default_factory=Series)
    evaluation: Series = field(default_factory=Series)
    learning_rate: Series = field(default_factory=Series)
    grad_norm: Series = field(default_factory=Series)
    source: str = ""
    format: str = ""
    phase: str | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Where the numbers are from and how many there are; not the numbers themselves."""
        return {
            "source": self.source,
            "format": self.format,
            "unit": self.unit,
            "phase": self.phase,
            "series": {
                name: {"name": found.name, "values": len(found)}
                for name in ("train", "evaluation", "learning_rate", "grad_norm")
                if len(found := getattr(self, name))
            },
            "notes": list(self.notes),
        }
