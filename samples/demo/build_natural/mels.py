"""Log-mel spectrograms exactly as XTTS takes them, through Coqui's own transform, and their normalisation.

Two kinds, both 80 channels, hop 256 at 22,050 Hz, power 2, Slaney-normalised filters from 0 to 8,000 Hz, log of at
least 1e-5, divided by `mel_stats`: what the DVAE codes (window and FFT 1,024), and what the GPT is conditioned on
(window 1,024, FFT 2,048).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from TTS.tts.layers.tortoise.arch_utils import TorchMelSpectrogram

CHANNELS = 80
HOP = 256


def coded_mel(mel_stats: Path | None) -> TorchMelSpectrogram:
    """What the DVAE reads: (batch, samples) -> (batch, 80, 1 + samples // 256)."""
    return TorchMelSpectrogram(mel_norm_file=None if mel_stats is None else str(mel_stats))


def conditioning_mel(mel_stats: Path) -> TorchMelSpectrogram:
    """What the GPT is conditioned on, of the same shape; FFT as in Coqui's GPTTrainer with the perceiver."""
    return TorchMelSpectrogram(filter_length=2048, mel_norm_file=str(mel_stats))


@torch.no_grad()
def write_mel_stats(path: Path, clips: list[np.ndarray]) -> None:
    """`mel_stats`, (80,): the root mean square of each log-mel channel over `clips`, so that inputs are about 1."""
    mel = coded_mel(None)
    frames = torch.cat([mel(torch.from_numpy(clip)[None])[0] for clip in clips], dim=1)
    torch.save(frames.square().mean(dim=1).sqrt(), path)
