"""Whom an import tells of its work, and asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from xtts_finetune.records.stretches import Stretch


@dataclass(frozen=True)
class Voice:
    """Somebody who speaks in the recordings: a letter, 'A' for who speaks most, seconds, and where to hear it."""

    label: str
    seconds: float
    example: Stretch


class Screen(Protocol):
    """Whom an import tells of its work."""

    def say(self, text: str) -> None:
        """One line."""

    def progress(self, what: str, done: float, total: float | None) -> None:
        """Seconds of sound done and to be done of one kind of work on one recording."""

    def choose_voice(self, voices: Sequence[Voice]) -> str:
        """Whose clips are wanted, where several people speak."""
