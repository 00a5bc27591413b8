"""Who is held back by the checks of its samples: compared with the base's, and with those of other candidates.

Samples that both spoke (the same sentence and seed) are compared. At least two more faulty ones count, whether or not
so many are beyond chance: of 10 samples chance allows too much.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.verdict import samples_of, the

# A single faulty sample more comes and goes with the seed.
MORE_FAULTY = 2

Scores = Mapping[str, Mapping[str, Any]]


def held_back_by_checks(scores: Scores) -> tuple[dict[str, str], list[str]]:
    """Candidates whose samples fail the checks more than the base's, each with why; and what is to be said besides."""
    held_back: dict[str, str] = {}
    said: list[str] = []
    for name in scores if BASE in scores else ():
        more, counts = compared(scores, name, BASE)
        if more >= MORE_FAULTY:
            held_back[name] = counts
        elif more > 0:
            said.append(f"{name} has one faulty sample more than the base: {counts}. Listen to it.")
    return held_back, said


def held_back_by_others(scores: Scores, may_ship: Collection[str]) -> dict[str, str]:
    """Candidates most of whose samples fail where most of another one's, which may ship, are clean; each with why."""
    samples = samples_of(scores)
    good = [name for name in may_ship if name in samples and not samples[name].mostly_faulty]
    found: dict[str, str] = {}
    for name, of_it in samples.items():
        for other in good if of_it.mostly_faulty and name != BASE else ():
            more, counts = compared(scores, name, other)
            if more >= MORE_FAULTY:
                found.setdefault(name, counts)
    return found


def compared(scores: Scores, name: str, other: str) -> tuple[int, str]:
    """How many samples more than of `other` fail, of those that both spoke, and both counts in words."""
    of_it, of_other = _faulty(scores[name]), _faulty(scores[other])
    both = of_it.keys() & of_other.keys()
    failed, of_them = sum(of_it[key] for key in both), sum(of_other[key] for key in both)
    counts = f"{failed} of its {len(both)} samples"
    if len(both) < len(of_it):
        counts = f"of the {len(both)} samples that {the(other)} has as well, {failed}"
    fail = "fails" if failed == 1 else "fail"
    return failed - of_them, f"{counts} {fail} the checks, compared with {of_them} of {the(other)}'s"


def _faulty(scores: Mapping[str, Any]) -> dict[tuple[str, int], bool]:
    return {(str(id_), int(seed)): bool(faulty) for id_, seed, faulty in scores["utterances"]}
