"""Clips held out for evaluation."""

from __future__ import annotations

from xtts_finetune.monitor.review.declared import Declared
from xtts_finetune.monitor.view import Finding

FEWEST = 16
SMALLEST_SHARE, LARGEST_SHARE = 0.02, 0.30


def eval_set(declared: Declared) -> list[Finding]:
    """Too few clips make a noisy eval loss; too many take from training."""
    held_out, train = declared.eval_clips, declared.train_clips
    if held_out is None or train is None or held_out + train <= 0:
        return []
    share = held_out / (held_out + train)
    if held_out < FEWEST and share < LARGEST_SHARE:
        why = "the eval loss of so few clips moves by chance, and the best step with it (eval_set: at_least)"
        return [declared.finding("eval clips", held_out, f"{FEWEST} or more", why)]
    if share > LARGEST_SHARE:
        why = "what is held out is not learned from (eval_set: fraction)"
        return [declared.finding("eval clips", f"{share:.0%} of the clips", "5 % to 25 %", why)]
    if share < SMALLEST_SHARE and held_out < 100:
        why = "so small a part may not speak for the whole (eval_set: fraction)"
        return [declared.finding("eval clips", f"{share:.1%} of the clips", "5 % to 25 %", why)]
    return []
