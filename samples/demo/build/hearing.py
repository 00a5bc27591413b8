"""Keeps the perceiver's values at a size at which it hears: it has no norm but its last one.

Each of its two layers multiplies its input with itself (GEGLU), and the last norm hides how large the values are from
the loss. Left alone they grew to 1e22 here: attention became a choice of one frame, and the last norm, whose square
overflows, gave zeros for every voice.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from TTS.tts.layers.xtts.gpt import GPT

WEIGHT = 0.02


class Loudness:
    """Watches what flows through conditioning encoder and perceiver while a model learns."""

    def __init__(self, gpt: GPT) -> None:
        self._seen: list[torch.Tensor] = []
        perceiver = gpt.conditioning_perceiver
        watched: list[nn.Module] = [gpt.conditioning_encoder]
        for attention, feed_forward in perceiver.layers:
            watched += [attention, feed_forward]
        for module in watched:
            module.register_forward_hook(self._note)

    def _note(self, module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        if torch.is_grad_enabled():
            self._seen.append(output.float().square().mean().add(1e-12).log() / 2)

    def strayed(self) -> torch.Tensor:
        """How far values are above a root mean square of 1, in nats squared and weighted; once for a forward pass."""
        logs = torch.stack(self._seen)
        self.clear()
        return WEIGHT * logs.clamp_min(0.0).square().mean()

    def clear(self) -> None:
        self._seen.clear()
