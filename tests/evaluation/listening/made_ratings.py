"""Ratings as the page writes them."""

from __future__ import annotations

import json
from typing import Any

from xtts_finetune.records.heard.listening_files import ListeningTest, checksum

Rating = dict[str, Any]


def rate(test: ListeningTest, answers: int | None = None, **changed: Any) -> Rating:
    """A right rating of the first answers, or of all."""
    marks = {"smoothness": 7, "naturalness": 6.5, "emotion": 0, "overall": 10}
    marks = {"overall": 10} if changed.get("form") == "short" else marks
    given = [
        {
            "trial": trial,
            "preference": (number % 5) - 2,
            "marks": {"a": marks, "b": marks},
            "faults": {"a": ["noise", "cut_off"], "b": []},
            "note": "Szép: „őű” 👍",
            "seconds": 12.3,
        }
        for number, trial in enumerate(test.counted)
    ][:answers]
    rating = {
        "version": 1,
        "test": test.id,
        "form": "full",
        "session": "0123456789abcdef",
        "listener": "Ánna",
        "begun": "2026-11-21T20:00:00Z",
        "ended": "2026-11-21T20:20:00Z",
        "finished": len(given) == len(test.counted),
        "answers": given,
        **changed,
    }
    return {**rating, "checksum": changed.get("checksum", checksum(rating["answers"]))}


def as_bytes(rating: Any) -> bytes:
    return json.dumps(rating, ensure_ascii=False, indent=1).encode()
