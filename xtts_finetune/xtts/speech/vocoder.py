"""Vocoders behind one interface, XTTS's HiFi-GAN and two previews, working in threads beside the GPT or at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from TTS.tts.layers.xtts.dvae import DiscreteVAE
from TTS.tts.models.xtts import Xtts

from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import CODE_SAMPLES, SAMPLE_RATE
from xtts_finetune.spec.pipeline import Vocoder as VocoderName
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.encoder import load_dvae, load_mel_stats
from xtts_finetune.xtts.speech.latent_mels import LatentMels, load_latent_mels
from xtts_finetune.xtts.speech.mel_inversion import Wave, invert_mel, mel_filters
from xtts_finetune.xtts.speech.streaming import NOTHING, HifiganSounding, Sounding, stretched
from xtts_finetune.xtts.speech.voice import conditioning_latents, speaker_embedding
from xtts_finetune.xtts.state import model_weights, read_checkpoint

MOST_THREADS = 4  # no model is so fast that it keeps more of them busy


def threads() -> int:
    """As many as there are cores that this process may use, within reason."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


@contextmanager
def background(workers: int) -> Iterator[Executor]:
    """An executor of `workers` threads; with none, each task is done before `submit` returns.

    At the end, also after an exception, what has begun is finished and what has not is given up.
    """
    executor: Executor = ThreadPoolExecutor(workers, "vocoder") if workers else _AtOnce()
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


class _AtOnce(Executor):
    """Does each task where it is asked for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@dataclass(frozen=True)
class Generated:
    """What the GPT made of one piece of text.

    codes     (codes,) int64, without the stop token
    latents   gives (1, codes, model width), the GPT's hidden states, for which it must run once more
    """

    codes: torch.Tensor
    latents: Callable[[], torch.Tensor]


class Vocoder(Protocol):
    """Turns what the GPT made into sound.

    threads   how many of its waves may be made at a time, in threads of their own; 0 where they must wait for it
    """

    sample_rate: int
    threads: int

    def wave(self, generated: Generated, speed: float = 1.0) -> Wave:
        """(samples,) float32 within -1 and 1; `speed` 2 takes half the time."""
        ...

    def sounding(self, speed: float = 1.0) -> Sounding:
        """The same sound of one piece while its codes come, as early as the vocoder can make it."""
        ...


class _AtTheEnd:
    """All the sound of a piece once the piece is there, from a vocoder that cannot begin with less."""

    def __init__(self, vocoder: Vocoder, speed: float) -> None:
        self._vocoder, self._speed = vocoder, speed
        self._latents: list[torch.Tensor] = []

    def more(self, latent: torch.Tensor) -> Wave:
        self._latents.append(latent)
        return NOTHING

    def rest(self, codes: torch.Tensor) -> Wave:
        return self._vocoder.wave(Generated(codes, lambda: torch.stack(self._latents)[None]), self._speed)


class CodesPreview:
    """Codes -> DVAE decoder -> mel -> Griffin-Lim at 22 050 Hz: audible speech, but not XTTS's quality."""

    sample_rate = SAMPLE_RATE

    def __init__(self, dvae: DiscreteVAE, mel_stats: torch.Tensor) -> None:
        self._dvae = dvae
        self._device = next(dvae.parameters()).device
        self._mel_stats = mel_stats.to(self._device)
        self._filters = mel_filters()
        self.threads = threads()

    @torch.inference_mode()
    def wave(self, generated: Generated, speed: float = 1.0) -> Wave:
        """(samples,), 1024 of them a code, divided by `speed`; one code's length of silence if there is none."""
        codes = generated.codes
        # A poor model may sample the start token, which has no entry in the codebook.
        codes = codes[codes < self._dvae.num_tokens].to(self._device)
        if not len(codes):
            return np.zeros(CODE_SAMPLES, dtype=np.float32)
        return invert_mel(self.log_mel(codes, speed), self._filters)

    def sounding(self, speed: float = 1.0) -> Sounding:
        """As `Vocoder` has it: Griffin-Lim finds the phases of a whole piece."""
        return _AtTheEnd(self, speed)

    @torch.inference_mode()
    def log_mel(self, codes: torch.Tensor, speed: float = 1.0) -> torch.Tensor:
        """(80, frames) natural-log mel of (codes,), 4 frames a code divided by `speed`."""
        decoded, _ = self._dvae.decode(codes[None])
        return _at_speed(decoded * self._mel_stats[:, None], speed)[0]


class LatentsPreview:
    """GPT latents -> the base's preview.pth -> mel -> Griffin-Lim at 22 050 Hz: the voice as the GPT has learned it."""

    sample_rate = SAMPLE_RATE

    def __init__(self, network: LatentMels, mel_stats: torch.Tensor, conditioning: torch.Tensor) -> None:
        """`conditioning`: (1, latents, model width) of the voice, as the GPT begins with it."""
        self._network = network.to(conditioning.device)
        self._mel_stats = mel_stats.to(conditioning.device)
        self._voice = conditioning.mean(dim=1)
        self._filters = mel_filters()
        self.threads = threads()

    @torch.inference_mode()
    def wave(self, generated: Generated, speed: float = 1.0) -> Wave:
        """(samples,), 1024 of them a code, divided by `speed`; one code's length of silence if there is none."""
        if not len(generated.codes):
            return np.zeros(CODE_SAMPLES, dtype=np.float32)
        latents = generated.latents()[:, : len(generated.codes)]
        mel = self._network(latents, self._voice) * self._mel_stats[:, None]
        return invert_mel(_at_speed(mel, speed)[0], self._filters)

    def sounding(self, speed: float = 1.0) -> Sounding:
        """As `Vocoder` has it: Griffin-Lim finds the phases of a whole piece."""
        return _AtTheEnd(self, speed)


def make_preview(
    network: Path, dvae: Path, mel_stats: torch.Tensor, conditioning: torch.Tensor
) -> LatentsPreview | CodesPreview:
    """From the latents where there is a `network` for them, else from the codes by the `dvae`."""
    if network.is_file():
        return LatentsPreview(load_latent_mels(network), mel_stats, conditioning)
    return CodesPreview(load_dvae(dvae).to(conditioning.device), mel_stats)


def _at_speed(mels: torch.Tensor, speed: float) -> torch.Tensor:
    """(batch, 80, frames), stretched where `speed` is not 1."""
    return mels if speed == 1.0 else F.interpolate(mels, scale_factor=1.0 / speed, mode="linear")


class HifiganVocoder:
    """XTTS's HiFi-GAN on the GPT's latents in the voice of the references, as `Xtts.inference` does it."""

    def __init__(self, model: Xtts, embedding: torch.Tensor) -> None:
        """`embedding`: (1, 512, 1), the speaker."""
        self.sample_rate = int(model.args.output_sample_rate)
        self.threads = 0  # it needs the GPT, and one of them keeps a GPU or all cores busy
        self._decoder = model.hifigan_decoder
        self._embedding = embedding

    @torch.inference_mode()
    def wave(self, generated: Generated, speed: float = 1.0) -> Wave:
        """(samples,), about 1114 of them at 24 000 Hz a code, divided by `speed`."""
        latents = generated.latents()
        if speed != 1.0:
            latents = stretched(latents.transpose(1, 2), 1.0 / speed).transpose(1, 2)
        sound: Wave = self._decoder(latents, g=self._embedding).float().cpu().flatten().numpy()
        return sound.clip(-1.0, 1.0)

    def sounding(self, speed: float = 1.0) -> Sounding:
        """As `Vocoder` has it: in windows."""
        return HifiganSounding(self._decoder, self._embedding, speed)


def make_vocoder(name: VocoderName, base: BaseFiles, model: Xtts, references: Sequence[torch.Tensor]) -> Vocoder:
    """The vocoder that a declaration names, on the model's device.

    references   (1, samples) each, 22 050 Hz, already cut as XTTS wants them

    Raises UserError if the base has no HiFi-GAN that 'hifigan' could use: with random weights it gives noise.
    """
    if name == "preview":
        conditioning = conditioning_latents(model, references)
        return make_preview(base.preview, base.dvae, load_mel_stats(base.mel_stats), conditioning)
    if not has_hifigan(base):
        raise UserError(f"vocoder: {base.model} has no HiFi-GAN; write 'vocoder: preview' in pipeline.yaml")
    return HifiganVocoder(model, speaker_embedding(model, references))


def has_hifigan(base: BaseFiles) -> bool:
    """Whether the base brings the weights of a HiFi-GAN."""
    return _has_hifigan(base.model, base.model.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _has_hifigan(model: Path, changed: int) -> bool:
    """Asked again each time that a phase speaks: `changed` tells when the 1.9 GB must be looked at anew."""
    return any(key.startswith("hifigan_decoder.") for key in model_weights(read_checkpoint(model)))
