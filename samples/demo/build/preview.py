"""Speech from codes without a vocoder network: DVAE decoder, inverse of the mel filters, Griffin-Lim."""

from __future__ import annotations

import torch
import torchaudio
from mels import CHANNELS, HOP
from TTS.tts.layers.xtts.dvae import DiscreteVAE

WINDOW = 1024
ITERATIONS = 60


@torch.no_grad()
def codes_to_audio(codes: torch.Tensor, dvae: DiscreteVAE, mel_stats: torch.Tensor) -> torch.Tensor:
    """(codes,) to (samples,) at 22,050 Hz, about 1,024 samples a code."""
    mel = dvae.decode(codes[None])[0][0].float()
    return mel_to_audio(mel, mel_stats)


@torch.no_grad()
def mel_to_audio(mel: torch.Tensor, mel_stats: torch.Tensor) -> torch.Tensor:
    """(80, frames) as the DVAE codes them to (samples,): undo normalisation and logarithm, then Griffin-Lim."""
    power = torch.exp(mel * mel_stats[:, None])
    filters = torchaudio.functional.melscale_fbanks(WINDOW // 2 + 1, 0.0, 8000.0, CHANNELS, 22_050, norm="slaney")
    spectrum = torch.linalg.pinv(filters.T) @ power
    griffin_lim = torchaudio.transforms.GriffinLim(n_fft=WINDOW, hop_length=HOP, power=2.0, n_iter=ITERATIONS)
    torch.manual_seed(0)
    return griffin_lim(spectrum.clamp_min(0.0))
