"""Sound while the GPT still speaks: what is certain of a piece so far, the same as of the whole but for rounding.

The HiFi-GAN sees only some frames to either side of a sample, so it decodes windows that overlap by so much, each as
soon as its latents are there. Nothing is faded from one window into the next, as there is no seam to hide.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from TTS.tts.layers.xtts.hifigan_decoder import HifiDecoder

from xtts_finetune.xtts.speech.mel_inversion import Wave

FIRST_CODES, MOST_CODES = 12, 64
"""Codes before the first window, and the most between two: windows double, since what overlaps is decoded twice."""

NOTHING: Wave = np.zeros(0, dtype=np.float32)


class Sounding(Protocol):
    """One piece of text becoming sound."""

    def more(self, latent: torch.Tensor) -> Wave:
        """(samples,) that are certain now, often none; `latent` (model width,) is that of one code more."""
        ...

    def rest(self, codes: torch.Tensor) -> Wave:
        """(samples,) that were not given yet; `codes` (codes,) are those of the whole piece, without the stop token."""
        ...


class HifiganSounding:
    """XTTS's HiFi-GAN in windows."""

    def __init__(self, decoder: HifiDecoder, embedding: torch.Tensor, speed: float) -> None:
        """`embedding`: (1, 512, 1), the speaker."""
        self._generator: Any = decoder.waveform_decoder
        self._embedding = embedding
        self._scales = scales(decoder, speed)
        self._reach = reach(self._generator)
        self._samples_a_frame = math.prod(up.stride[0] for up in self._generator.ups)
        self._latents: list[torch.Tensor] = []
        self._given = 0  # frames of the generator's input
        self._next = self._step = FIRST_CODES

    def more(self, latent: torch.Tensor) -> Wave:
        """As `Sounding` has it."""
        self._latents.append(latent)
        if len(self._latents) < self._next:
            return NOTHING
        self._next += self._step
        self._step = min(2 * self._step, MOST_CODES)
        return self._decoded(whole=False)

    def rest(self, codes: torch.Tensor) -> Wave:
        """As `Sounding` has it."""
        return self._decoded(whole=True) if self._latents else NOTHING

    @torch.inference_mode()
    def _decoded(self, whole: bool) -> Wave:
        frames = torch.stack(self._latents)[None].transpose(1, 2)
        for scale in self._scales:
            frames = stretched(frames, scale)
        end = frames.shape[2] if whole else self._certain() - self._reach
        if end <= self._given:
            return NOTHING
        start = max(0, self._given - self._reach)
        window = frames[:, :, start : end + self._reach]
        sound = self._generator(window, g=self._embedding).float().cpu().flatten().numpy()
        first, self._given = self._given, end
        wanted: Wave = sound[(first - start) * self._samples_a_frame : (end - start) * self._samples_a_frame]
        return wanted.clip(-1.0, 1.0)

    def _certain(self) -> int:
        """Frames that further codes will not change: linear interpolation looks one ahead."""
        certain = len(self._latents)
        for scale in self._scales:
            certain = max(0, math.floor((certain - 0.5) * scale - 0.5))
        return certain


def scales(decoder: HifiDecoder, speed: float) -> list[float]:
    """By what latents are stretched one time after the other until they are frames of the generator."""
    found = [] if speed == 1.0 else [1.0 / speed]
    found.append(decoder.ar_mel_length_compression / decoder.output_hop_length)
    if decoder.output_sample_rate != decoder.input_sample_rate:
        found.append(decoder.output_sample_rate / decoder.input_sample_rate)
    return found


def stretched(frames: torch.Tensor, scale: float) -> torch.Tensor:
    """(1, width, frames) by linear interpolation; one frame stays one, where a model ends before it began."""
    return frames if frames.shape[2] * scale < 1 else F.interpolate(frames, scale_factor=scale, mode="linear")


def reach(generator: Any) -> int:
    """How many frames to either side a sample of Coqui's HifiganGenerator depends on at most."""
    frames, upsampled = float(_half(generator.conv_pre)), 1
    for level, up in enumerate(generator.ups):
        frames += math.ceil(up.kernel_size[0] / up.stride[0]) / upsampled
        upsampled *= up.stride[0]
        blocks = generator.resblocks[level * generator.num_kernels : (level + 1) * generator.num_kernels]
        convolutions = ([each for each in block.modules() if isinstance(each, torch.nn.Conv1d)] for block in blocks)
        frames += max(sum(map(_half, each)) for each in convolutions) / upsampled
    return math.ceil(frames + _half(generator.conv_post) / upsampled)


def _half(convolution: Any) -> int:
    """Samples to either side."""
    return int((convolution.kernel_size[0] - 1) // 2 * convolution.dilation[0])
