"""The two mel spectrograms of XTTS: one for the DVAE, one for conditioning. Both are at 22 050 Hz, hop 256."""

from __future__ import annotations

from pathlib import Path

import torch
from TTS.tts.layers.tortoise.arch_utils import TorchMelSpectrogram

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.state import read_content

SAMPLE_RATE = 22_050
HOP = 256
MEL_CHANNELS = 80
LOG_FLOOR = 1e-5  # the mel's magnitudes are clamped to this before the logarithm


def load_mel_stats(path: Path) -> torch.Tensor:
    """The (80,) float32 norms that every log mel is divided by. Raises UserError if the file holds something else."""
    stats = read_content(path)
    if not isinstance(stats, torch.Tensor) or stats.shape != (MEL_CHANNELS,):
        raise UserError(
            f"{path}: this is not one row of {MEL_CHANNELS} numbers, as mel_stats.pth is; fetch it again"
        )
    return stats.float().clone()


def dvae_mel(mel_stats: torch.Tensor) -> torch.nn.Module:
    """Mel for the DVAE: (batch, samples) -> (batch, 80, samples // 256 + 1), window 1024."""
    return _mel(mel_stats, filter_length=1024)


def conditioning_mel(mel_stats: torch.Tensor) -> torch.nn.Module:
    """Mel for conditioning (perceiver bases): as above with an FFT of 2048."""
    return _mel(mel_stats, filter_length=2048)


def silence(mel_stats: torch.Tensor) -> torch.Tensor:
    """(80,) value of a frame of zeros in either mel."""
    return torch.log(torch.tensor(LOG_FLOOR)) / mel_stats


def _mel(mel_stats: torch.Tensor, filter_length: int) -> torch.nn.Module:
    mel = TorchMelSpectrogram(
        filter_length=filter_length,
        hop_length=HOP,
        win_length=1024,
        mel_fmin=0,
        mel_fmax=8000,
        n_mel_channels=MEL_CHANNELS,
        sampling_rate=SAMPLE_RATE,
        mel_norm_file=None,
    )
    mel.mel_norms = mel_stats
    module: torch.nn.Module = mel
    return module
