"""Learning rates outside of what XTTS takes well."""

from __future__ import annotations

from xtts_finetune.monitor.review.declared import Declared
from xtts_finetune.monitor.view import Finding

ALL_WEIGHTS = (2e-7, 5e-6)
ADAPTERS = (1e-5, 5e-4)
TINY_BASE = (1e-5, 2e-3)


def learning_rate(declared: Declared) -> list[Finding]:
    """Compare with what is usual for all weights, for adapters, and for a tiny base."""
    rate = declared.learning_rate
    if rate is None:
        return []
    if declared.lora:
        (low, high), of = ADAPTERS, "adapters (lora)"
    elif declared.full_size:
        (low, high), of = ALL_WEIGHTS, "all weights of XTTS v2"
    else:
        (low, high), of = TINY_BASE, "a base of a few million weights"
    usual = f"{low:g} to {high:g} for {of}"
    if rate > high:
        why = "above that, XTTS overfits within a few epochs, and the eval loss jumps or rises"
        return [declared.finding("learning_rate", rate, usual, why)]
    if rate < low:
        why = "below that, weights hardly move in the time that a phase has"
        return [declared.finding("learning_rate", rate, usual, why)]
    return []
