"""Weights of the terms of the loss."""

from __future__ import annotations

from xtts_finetune.monitor.review.declared import Declared
from xtts_finetune.monitor.view import Finding

MEL = (1.0, 5.0)
TEXT = (0.001, 0.1)


def loss_weights(declared: Declared) -> list[Finding]:
    """Weights at which one term drowns the other."""
    found = []
    mel, text = declared.mel_loss_weight, declared.text_loss_weight
    if mel is not None and not MEL[0] <= mel <= MEL[1]:
        why = "a heavy mel term drowns all others and acts as a higher learning rate; a light one as a lower rate"
        found.append(declared.finding("mel_loss_weight", mel, f"{MEL[0]:g} to {MEL[1]:g}", why))
    if text is not None and text < TEXT[0]:
        why = "nothing keeps the model from losing the text: watch text_ce"
        found.append(
            declared.finding("text_loss_weight", text, f"{TEXT[0]:g} to {TEXT[1]:g}; Coqui's is 0.01", why)
        )
    if text is not None and text > TEXT[1]:
        why = "the text term takes part in every step at the cost of the sound"
        found.append(
            declared.finding("text_loss_weight", text, f"{TEXT[0]:g} to {TEXT[1]:g}; Coqui's is 0.01", why)
        )
    return found
