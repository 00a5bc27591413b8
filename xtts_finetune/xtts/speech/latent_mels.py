"""A small network from the GPT's latents to mels, for a base without a HiFi-GAN: `preview.pth` beside its five files.

It does what XTTS's HiFi-GAN does first, and leaves the rest to Griffin-Lim: sound then comes from the latents, in the
speaker's voice, and not from codes alone, which keep less of both.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from xtts_finetune.numbers.fixed import CODE_SAMPLES, HOP, MEL_CHANNELS

FRAMES = CODE_SAMPLES // HOP
WIDTH, DILATIONS = 160, (1, 3, 9, 1, 3, 9)


class Residual(nn.Module):
    """(batch, width, frames) with a dilated convolution of itself added."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(1, width),
            nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation),
            nn.GELU(),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        added: torch.Tensor = self.layers(x)
        return x + added


class LatentMels(nn.Module):
    """(batch, codes, model width) latents and (batch, model width) of a voice to (batch, 80, 4 x codes) mels.

    The mels are those that the DVAE codes: natural logarithm, divided by the base's mel_stats.
    """

    def __init__(self, model_width: int, width: int = WIDTH) -> None:
        super().__init__()
        self.latents = nn.Sequential(nn.LayerNorm(model_width), nn.Linear(model_width, width))
        self.voice = nn.Sequential(nn.LayerNorm(model_width), nn.Linear(model_width, width))
        self.near = Residual(width, 1)
        self.up = nn.ConvTranspose1d(width, width, FRAMES, stride=FRAMES)
        self.blocks = nn.Sequential(*(Residual(width, dilation) for dilation in DILATIONS))
        self.mels = nn.Sequential(nn.GroupNorm(1, width), nn.Conv1d(width, MEL_CHANNELS, 1))

    def forward(self, latents: torch.Tensor, voice: torch.Tensor) -> torch.Tensor:
        x = self.latents(latents) + self.voice(voice)[:, None]
        x = self.up(self.near(x.transpose(1, 2)))
        mels: torch.Tensor = self.mels(self.blocks(x))
        return mels


def load_latent_mels(path: Path) -> LatentMels:
    """The network of a base's preview.pth."""
    weights = {name: weight.float() for name, weight in torch.load(path, weights_only=True).items()}
    width, model_width = weights["latents.1.weight"].shape
    network = LatentMels(model_width, width)
    network.load_state_dict(weights)
    return network.eval()


def save_latent_mels(path: Path, network: LatentMels) -> None:
    """Write preview.pth, in half precision."""
    torch.save({name: weight.detach().half() for name, weight in network.state_dict().items()}, path)
