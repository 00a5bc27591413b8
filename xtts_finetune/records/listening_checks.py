"""Whether a listener can be relied on: the trials whose right answer is known, judged by a rule fixed beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping

from xtts_finetune.records.listening_files import ANCHOR, KeyTrial

# Share of the checks to be passed; written into each test's protocol, which is what counts.
PASSED_AT_LEAST = 2 / 3
RULE = (
    "A listener counts when two thirds of the checks are passed. A hidden recording must be preferred to the same "
    "recording without its tones above 3.5 kHz; an utterance without them must not be preferred to the whole one; "
    "of two identical sounds neither may be called much better; a repeated pair, sides changed, must be answered "
    "within two steps of the first answer."
)
SIGNIFICANT_STEPS = 2


def passed_checks(trials: Mapping[str, KeyTrial], preferences: Mapping[str, float]) -> tuple[int, int]:
    """How many checks were answered, and how many of them passed.

    trials       the test's key, by opaque id
    preferences  the answers, by opaque id; negative: A is better
    """
    results = [
        passed
        for id_ in preferences
        if id_ in trials and (passed := _passed(trials[id_], preferences)) is not None
    ]
    return len(results), sum(results)


def is_enough(checks: int, passed: int, passed_at_least: float) -> bool:
    """Whether so many passed checks let a listener count; one who met none counts."""
    return passed >= math.ceil(checks * passed_at_least - 1e-9)


def _passed(trial: KeyTrial, preferences: Mapping[str, float]) -> bool | None:
    """Whether a check was passed; None for what is no check, or cannot be judged."""
    answer = preferences[trial.trial]
    if trial.kind in ("hidden_reference", "anchor"):
        whole = -answer if trial.b == ANCHOR else answer
        return whole > 0 if trial.kind == "hidden_reference" else whole >= 0
    if trial.kind == "identical":
        return abs(answer) < SIGNIFICANT_STEPS
    if trial.kind == "repeat" and trial.repeats is not None and trial.repeats in preferences:
        # Sides are changed, so that the same judgement has the other sign.
        return abs(preferences[trial.repeats] + answer) <= SIGNIFICANT_STEPS
    return None
