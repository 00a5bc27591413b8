"""The largest gradient norm of a step."""

from __future__ import annotations

from xtts_finetune.monitor.review.declared import Declared
from xtts_finetune.monitor.view import Finding

USUAL = (0.1, 2.0)


def gradient_clip(declared: Declared) -> list[Finding]:
    """None at all, or one so small or large that it does something else than clip outliers."""
    low, high = USUAL
    usual = f"{low:g} to {high:g}"
    if not declared.clipped:
        why = "one bad clip (a wrong text, a crackle) may take a step that ruins the model"
        return [declared.finding("gradient_clip", "null", usual, why)]
    clip = declared.gradient_clip
    if clip is not None and clip < low:
        why = "every step is scaled down, so that learning_rate no longer says how large steps are"
        return [declared.finding("gradient_clip", clip, usual, why)]
    if clip is not None and clip > high:
        why = "gradients of XTTS are of about 1: a clip so high lets outliers through"
        return [declared.finding("gradient_clip", clip, usual, why)]
    return []
