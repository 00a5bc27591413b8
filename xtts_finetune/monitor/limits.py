"""From where on the monitor warns, and what a good run aims at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """All in nats of mel_ce. Warned of: std and gap above, improvement over five epochs below the limit."""

    eval_std: float = 0.05
    improvement: float = 0.05
    gap: float = 0.10
    target_eval_std: float = 0.05
    target_improvement: float = 0.15
    target_gap: float = 0.10


DEFAULTS = Limits()
