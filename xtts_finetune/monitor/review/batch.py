"""Clips a step, against how many clips there are."""

from __future__ import annotations

from xtts_finetune.monitor.review.declared import Declared
from xtts_finetune.monitor.view import Finding

FEWEST_STEPS_AN_EPOCH = 8


def batch(declared: Declared) -> list[Finding]:
    """Too few clips a step make noise; too many leave an epoch without steps."""
    clips, there = declared.clips_a_step, declared.train_clips
    if clips is None:
        return []
    key = "batch_size x accumulate"
    if clips < 2:
        why = "the gradient of a single clip is mostly noise: raise accumulate, which costs no memory"
        return [declared.finding(key, clips, "2 to 32", why)]
    if there and clips * FEWEST_STEPS_AN_EPOCH > max(there, FEWEST_STEPS_AN_EPOCH * 2):
        most = max(2, there // FEWEST_STEPS_AN_EPOCH)
        why = f"of {there} clips that leaves fewer than {FEWEST_STEPS_AN_EPOCH} steps an epoch: many epochs for little"
        return [declared.finding(key, clips, f"2 to {most}", why)]
    return []
