"""Made-up ratings for the tests of statistics and decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtts_finetune.records.heard.listening import Vote


def vote(
    first: str,
    second: str,
    sentence: str,
    preference: float,
    listener: str = "anna",
    marks: Mapping[str, float] | None = None,
    **more: Any,
) -> Vote:
    """One answer; `marks` are the overall ones."""
    known = {"test": "t", "look": 1, "seed": 1, "faults": {}, "note": ""}
    overall = {name: {"overall": mark} for name, mark in (marks or {}).items()}
    return Vote(
        listener=listener,
        sentence=sentence,
        first=first,
        second=second,
        preference=preference,
        marks=overall,
        **{**known, **more},
    )


def duel(first: str, second: str, wins: int, losses: int, ties: int = 0, **marks: Sequence[float]) -> list[Vote]:
    """A pair of which the second wins so many sentences; `marks` give each sentence's mark, the last one again."""
    answers = [1.0] * wins + [-1.0] * losses + [0.0] * ties
    given = [
        {name: float(values[min(number, len(values) - 1)]) for name, values in marks.items()}
        for number in range(len(answers))
    ]
    return [vote(first, second, f"s{number:02d}", answer, marks=given[number]) for number, answer in enumerate(answers)]
