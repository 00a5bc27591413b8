"""The tie rule: fewer faults, then the more similar voice, then the earlier phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Similarities nearer than this are the same.
SIMILARITY_STEP = 0.01


def by_tie_rule(names: Sequence[str], scores: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """Which of `names`, in the declared order and at least one, ships where none is preferred; and why, in words.

    A measure counts where all that are still in question have it. Faults are the share of utterances that fail the
    gate. The base comes before every phase: what is not better need not be shipped.
    """
    left = list(names)
    if len(left) == 1:
        return left[0], "it is the only one"
    if all(scores.get(name, {}).get("spoken") for name in left):
        faults = {name: scores[name]["gate_failures"] / scores[name]["spoken"] for name in left}
        left = [name for name in left if faults[name] == min(faults.values())]
        if len(left) == 1:
            return left[0], "fewer of its utterances fail the gate"
    measured = {name: scores.get(name, {}).get("similarity") for name in left}
    similarity = {name: float(value) for name, value in measured.items() if value is not None}
    if len(similarity) == len(left):
        highest = max(similarity.values())
        left = [name for name in left if highest - similarity[name] < SIMILARITY_STEP]
        if len(left) == 1:
            return left[0], "its voice is more similar to the recordings"
    return left[0], "it is the earlier one"
