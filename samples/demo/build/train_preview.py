"""Trains preview.pth: from the GPT's latents, in the voice that it was conditioned on, to mels of the recordings.

The latents are those of the pretrained GPT on the corpus, with the codes that were said (as the HiFi-GAN of XTTS is
trained on its GPT's). Nothing of the GPT is changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from corpus import Clip
from made_voices import with_other_speeds
from mels import coded_mel, conditioning_mel
from TTS.tts.layers.xtts.dvae import DiscreteVAE
from TTS.tts.layers.xtts.gpt import GPT
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

from xtts_finetune.numbers.fixed import CODE_SAMPLES
from xtts_finetune.xtts.speech.latent_mels import FRAMES, LatentMels

SEGMENT = 32
"""Codes in a training segment, 1.5 s."""
REFERENCE_FRAMES = (130, 259)


@dataclass(frozen=True)
class Heard:
    """One clip as the network learns from it."""

    latents: torch.Tensor
    """(codes, model width) float16."""
    voice: torch.Tensor
    """(model width,): the mean of what the perceiver made of other speech of the same voice."""
    mel: torch.Tensor
    """(80, 4 x codes) float16."""


@torch.no_grad()
def heard(
    clips: Iterable[Clip], gpt: GPT, dvae: DiscreteVAE, mel_stats: Path, vocabulary: Path, takes: int = 1
) -> Iterator[Heard]:
    """Each clip at each speed `takes` times, begun at other places of a code and with another reference each time."""
    gpt.eval()
    tokenizer = VoiceBpeTokenizer(str(vocabulary))
    to_code, to_condition = coded_mel(mel_stats), conditioning_mel(mel_stats)
    rng = np.random.default_rng(3)
    before: dict[str, torch.Tensor] = {}
    for clip in with_other_speeds(clips):
        text = torch.tensor(tokenizer.encode(clip.text, "en"), dtype=torch.int32)[None]
        audio = torch.from_numpy(clip.audio)[None]
        own = to_condition(audio)
        reference = torch.cat([before.get(clip.voice, own), own], dim=2)[:, :, -600:]
        before[clip.voice] = reference
        for _ in range(takes):
            delayed = F.pad(audio, (int(rng.integers(CODE_SAMPLES)), 0))
            mel = to_code(delayed)
            codes = dvae.get_codebook_indices(mel)[:, : -(-delayed.shape[1] // CODE_SAMPLES)]
            latents, voice = latents_of(gpt, text, codes, _slice(reference, rng))
            frames = FRAMES * codes.shape[1]
            target = F.pad(mel, (0, max(0, frames - mel.shape[2])), mode="replicate")[0, :, :frames]
            yield Heard(latents[0, : codes.shape[1]].half(), voice[0], target.half())


def _slice(reference: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    frames = min(int(rng.integers(*REFERENCE_FRAMES)), reference.shape[2])
    start = int(rng.integers(reference.shape[2] - frames + 1))
    return reference[:, :, start : start + frames]


def latents_of(
    gpt: GPT, text: torch.Tensor, codes: torch.Tensor, reference: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The GPT's latents of (1, codes), as Xtts.inference takes them, and the voice's mean conditioning latent."""
    conditioning = gpt.get_style_emb(reference).transpose(1, 2)
    ended = torch.cat([codes, torch.tensor([[gpt.stop_audio_token]])], dim=1)
    latents: torch.Tensor = gpt(
        text,
        torch.tensor([text.shape[1]]),
        ended,
        torch.tensor([ended.shape[1] * gpt.code_stride_len]),
        cond_latents=conditioning,
        return_attentions=False,
        return_latent=True,
    )
    return latents, conditioning.mean(dim=1)


def train_preview(examples: list[Heard], steps: int, batch: int = 16, peak: float = 1.5e-3) -> LatentMels:
    """On random segments; the mel's L1 and that of its changes in time, which keeps onsets sharp."""
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    long_enough = [each for each in examples if len(each.latents) > SEGMENT]
    network = LatentMels(long_enough[0].latents.shape[1]).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=steps, pct_start=0.05)
    begun, total = time.monotonic(), 0.0
    for step in range(steps):
        latents, voices, mels = _segments(long_enough, batch, rng)
        with torch.autocast("cpu", torch.bfloat16):
            made = network(latents, voices).float()
        loss = F.l1_loss(made, mels) + F.l1_loss(made.diff(dim=2), mels.diff(dim=2))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += F.l1_loss(made, mels).item()
        if step % 100 == 99:
            print(f"preview: step {step + 1}, mel L1 {total / 100:.4f}, {time.monotonic() - begun:.0f} s", flush=True)
            total = 0.0
    return network.eval()


def _segments(
    examples: list[Heard], batch: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    latents, voices, mels = [], [], []
    for index in rng.integers(len(examples), size=batch):
        each = examples[index]
        start = int(rng.integers(len(each.latents) - SEGMENT))
        latents.append(each.latents[start : start + SEGMENT].float())
        voices.append(each.voice.float())
        mels.append(each.mel[:, FRAMES * start : FRAMES * (start + SEGMENT)].float())
    return torch.stack(latents), torch.stack(voices), torch.stack(mels)
