"""How often each clip is trained on, against how many clips there are."""

from __future__ import annotations

from xtts_finetune.monitor.review.declared import Declared
from xtts_finetune.monitor.view import Finding

GUARDS = frozenset({"no_improvement", "overfitting"})
MOST, FEWEST = 60, 3
MANY_CLIPS, FEW_CLIPS = 3000, 50


def passes(declared: Declared) -> list[Finding]:
    """Too many passes without a rule that ends them, too few to learn a voice, and very few clips."""
    found = []
    epochs, clips = declared.passes, declared.train_clips
    if clips is not None and clips < FEW_CLIPS:
        why = (
            "so few are soon known by heart; keep to few epochs, or record more: 10 minutes of speech and up"
        )
        found.append(declared.finding("training clips", clips, f"{FEW_CLIPS} or more", why))
    if epochs is None:
        return found
    if epochs > MOST and not GUARDS & declared.rules:
        why = (
            "no rule (no_improvement, overfitting) would end it when the eval loss has stopped falling, and the "
            "clips are learned by heart"
        )
        found.append(declared.finding("epochs", round(epochs, 1), f"{FEWEST} to {MOST}", why))
    if epochs < FEWEST and (clips or 0) < MANY_CLIPS:
        why = "a phase at XTTS's small learning rates needs several passes before the voice changes"
        found.append(declared.finding("epochs", round(epochs, 2), f"{FEWEST} to {MOST}", why))
    if not GUARDS & declared.rules and epochs > FEWEST:
        why = "without one of them the phase trains to its end whatever becomes of the eval loss"
        found.append(declared.finding("stop_when", ", ".join(sorted(declared.rules)) or "none",
                                      "no_improvement or overfitting", why))  # fmt: skip
    return found
