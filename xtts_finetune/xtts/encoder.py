"""Sound to what the GPT trains on: audio codes of Coqui's discrete VAE, and conditioning mels, once for each clip.

Both mel spectrograms of XTTS are at 22 050 Hz, hop 256: one for the DVAE, one for conditioning.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from TTS.tts.layers.tortoise.arch_utils import TorchMelSpectrogram
from TTS.tts.layers.xtts.dvae import DiscreteVAE

from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import CODE_SAMPLES, HOP, MEL_CHANNELS, SAMPLE_RATE
from xtts_finetune.records.values import text_digest
from xtts_finetune.xtts.base import BaseFiles, conditioning_lengths, quick_hash, read_config
from xtts_finetune.xtts.state import read_content

LOG_FLOOR = 1e-5  # the mel's magnitudes are clamped to this before the logarithm


def load_mel_stats(path: Path) -> torch.Tensor:
    """The (80,) float32 norms that every log mel is divided by. Raises UserError if the file holds something else."""
    stats = read_content(path)
    if not isinstance(stats, torch.Tensor) or stats.shape != (MEL_CHANNELS,):
        raise UserError(f"{path}: this is not one row of {MEL_CHANNELS} numbers, as mel_stats.pth is; fetch it again")
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


def load_dvae(path: Path) -> DiscreteVAE:
    """The DVAE of a base, in evaluation mode, float32.

    XTTS v2's is 512 wide with 1024 codes; a slim one is read by the shapes of its own tensors.
    Raises UserError if the file cannot be read or is not a DVAE.
    """
    state = read_content(path)
    try:
        dvae = DiscreteVAE(
            channels=MEL_CHANNELS,
            normalization=None,
            positional_dims=1,
            use_transposed_convs=False,
            **_sizes(state),
        )
        missing = dvae.load_state_dict(state, strict=False).missing_keys
    except Exception as error:
        raise UserError(f"{path}: this is not a DVAE that fits XTTS ({error}); fetch the base again") from error
    # Counters that only the DVAE's own training uses may be left out of a file.
    if missing := [key for key in missing if key.startswith(("encoder.", "decoder.", "codebook.embed"))]:
        raise UserError(f"{path}: this DVAE lacks {', '.join(missing[:3])}; fetch the base again")
    return dvae.eval().float().requires_grad_(False)


def _sizes(state: dict[str, torch.Tensor]) -> dict[str, int]:
    """DiscreteVAE's sizes as the shapes of its tensors tell them."""
    codebook_dim, num_tokens = state["codebook.embed"].shape
    hidden_dim, _, kernel_size = state["encoder.0.0.weight"].shape
    return {
        "num_tokens": num_tokens,
        "codebook_dim": codebook_dim,
        "hidden_dim": hidden_dim,
        "kernel_size": kernel_size,
        "num_layers": sum(re.fullmatch(r"encoder\.\d+\.0\.weight", key) is not None for key in state),
        "num_resnet_blocks": sum(re.fullmatch(r"encoder\.\d+\.net\.0\.weight", key) is not None for key in state),
    }


Wave = npt.NDArray[np.float32]


class AudioEncoder:
    """Codes and conditioning mels of single clips, equal to what stock `GPTTrainer` computes for the clip alone.

    Waves are mono float32 at 22 050 Hz.
    """

    def __init__(self, base: BaseFiles, device: str = "cpu") -> None:
        self.device = torch.device(device)
        mel_stats = load_mel_stats(base.mel_stats)
        self.lengths = conditioning_lengths(read_config(base))
        self.silence: npt.NDArray[np.float32] = silence(mel_stats).numpy()
        self._dvae = load_dvae(base.dvae).to(self.device)
        self._dvae_mel = dvae_mel(mel_stats.to(self.device))
        self._conditioning_mel = conditioning_mel(mel_stats.to(self.device))
        self.key = _key(base)

    @property
    def parallel(self) -> bool:
        """Whether several threads may encode at once: the cores of a CPU do, a GPU has one queue."""
        return self.device.type == "cpu"

    @torch.inference_mode()
    def codes(self, wave: Wave) -> npt.NDArray[np.int16]:
        """(ceil(samples / 1024),) audio codes.

        A clip whose length is a multiple of 1024 has one code more in the DVAE's output, of the frame that
        centring adds; stock masks it, so it is cut off here.
        """
        with self._exactly():
            codes = self._dvae.get_codebook_indices(self._dvae_mel(self._on_device(wave)))
        wanted = -(-len(wave) // CODE_SAMPLES)
        kept: npt.NDArray[np.int16] = codes[0, :wanted].to(torch.int16).cpu().numpy()
        return kept

    @torch.inference_mode()
    def conditioning(self, wave: Wave) -> npt.NDArray[np.float32]:
        """(80, samples // 256 + 1) conditioning mel of the whole clip; training slices it."""
        mel: Wave = self._conditioning_mel(self._on_device(wave))[0].cpu().numpy()
        return mel

    def eval_conditioning(self, wave: Wave) -> npt.NDArray[np.float32]:
        """(80, maximum // 256 + 1) conditioning mel as stock's evaluation takes it.

        The first samples of the clip, in the middle between the least and the greatest length, or its first
        half if it is shorter than that, padded with zeros (Coqui's `get_prompt_slice` with `is_eval`).
        """
        length = self.lengths.evaluation
        if len(wave) < length:
            length = len(wave) // 2
        padded = np.zeros(self.lengths.maximum, dtype=np.float32)
        padded[:length] = wave[:length]
        return self.conditioning(padded)

    def _exactly(self) -> contextlib.AbstractContextManager[None]:
        """Inside, a GPU's convolutions are as exact as a CPU's: rounded to TF32 one code in a thousand is another."""
        if self.device.type == "cpu":
            return contextlib.nullcontext()
        return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)

    def _on_device(self, wave: Wave) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(wave, dtype=np.float32))[None].to(self.device)


def _key(base: BaseFiles) -> str:
    """Names everything that codes and mels depend on, for the cache."""
    parts = (quick_hash(base.dvae), quick_hash(base.mel_stats), str(conditioning_lengths(read_config(base))))
    return text_digest("|".join(parts))[:16]
