"""A slim DVAE: XTTS's discrete autoencoder of mels, with 1,024 codes and one code for every 4 frames (46 ms).

Trained from scratch with its codebook it collapses to one code, so it is trained in stages: encoder and decoder without
quantising; a codebook of k-means centroids of the encoder's outputs; all together, gradients passing straight through
the quantiser and the codebook following by moving averages (van den Oord et al., 2017).

215 bits a second are few for many voices. So that they are spent on words first, a small head reads the phonemes off
the codes while the codec learns (connectionist temporal classification, Graves et al. 2006); it is thrown away then.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from made_voices import as_another, with_a_gap
from sklearn.cluster import MiniBatchKMeans
from torch import nn
from TTS.tts.layers.xtts.dvae import DiscreteVAE

CODES = 1024
HIDDEN = 96
CODEBOOK_DIM = 64
FRAMES_A_CODE = 4
LONGEST = 320
"""Frames of a training clip, 3.7 s: longer clips are left out."""
PHONEMES_WEIGHT = 0.4
PEAK = 1.5e-3


def slim_dvae() -> DiscreteVAE:
    """As Coqui's GPTTrainer builds it, but for hidden_dim and codebook_dim (512 there)."""
    return DiscreteVAE(
        channels=80,
        normalization=None,
        positional_dims=1,
        num_tokens=CODES,
        codebook_dim=CODEBOOK_DIM,
        hidden_dim=HIDDEN,
        num_resnet_blocks=3,
        kernel_size=3,
        num_layers=2,
        use_transposed_convs=False,
    )


@dataclass(frozen=True)
class Spoken:
    """A clip as the codec learns from it."""

    mel: torch.Tensor
    """(80, frames) float16."""
    phonemes: str


class PhonemeReader(nn.Module):
    """(clips, dim, codes) to (clips, 2 * codes, 1 + phonemes), unnormalised: two places for each code, which may hold
    the end of one phoneme and the beginning of the next."""

    def __init__(self, phonemes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(CODEBOOK_DIM, 192, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(192, 192, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(192, 2 * (1 + phonemes), 1),
        )

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        read = self.layers(codes).transpose(1, 2)
        return read.reshape(read.shape[0], 2 * read.shape[1], -1)


class Training:
    """The stages, each with one cycle of the rate; what is done is in `saved` and is not done again."""

    def __init__(self, clips: Sequence[Spoken], mel_stats: torch.Tensor, saved: Path, batch: int = 16) -> None:
        self.clips = sorted((c for c in clips if 24 < c.mel.shape[1] <= LONGEST), key=lambda clip: clip.mel.shape[1])
        self.letters = {letter: n for n, letter in enumerate(sorted({p for c in clips for p in c.phonemes}), start=1)}
        self.mel_stats, self.floor = mel_stats, np.log(1e-5) / mel_stats[:, None]
        self.saved, self.batch = saved, batch
        torch.manual_seed(1)
        self.dvae, self.reader = slim_dvae(), PhonemeReader(len(self.letters))

    def run(self, steps: int) -> DiscreteVAE:
        """`steps` without quantising, then three times as many with."""
        if not self.saved.exists():
            self._save("open", 0)
        stage, step, optimizer = self._restore()
        if stage == "open":
            self._descend(stage, steps, step, optimizer)
            set_codebook(self.dvae, [clip.mel for clip in self.clips])
            self._save("quantised", 0)
            stage, step, optimizer = "quantised", 0, None
        self._descend(stage, 3 * steps, step, optimizer)
        return self.dvae.eval()

    def _descend(self, stage: str, steps: int, first: int, state: dict[str, Any] | None) -> None:
        parameters = [*self.dvae.parameters(), *self.reader.parameters()]
        peak = PEAK if stage == "quantised" else 1.5 * PEAK
        optimizer = torch.optim.AdamW(parameters, lr=peak, betas=(0.9, 0.98), weight_decay=0.0)
        if state:
            optimizer.load_state_dict(state)
        begun, sums = time.monotonic(), np.zeros(3)
        self.dvae.train()
        for step in range(first, steps):
            for group in optimizer.param_groups:
                group["lr"] = peak * min((step + 1) / 200, 0.5 * (1 + math.cos(math.pi * step / steps)) + 0.01)
            mels, heard, targets, target_lengths, lengths = self._clips_of(step)
            with torch.autocast("cpu", torch.bfloat16):
                latent = self.dvae.encoder(heard)
            latent, distance = latent.float(), torch.zeros(())
            if stage == "quantised":
                coded, _, distance = self.dvae.codebook(latent.transpose(1, 2))
                latent = coded.transpose(1, 2)
            with torch.autocast("cpu", torch.bfloat16):
                error = F.l1_loss(self.dvae.decoder(latent), mels)
                read = self.reader(latent)
            read = read.float().log_softmax(dim=-1).transpose(0, 1)
            missed = F.ctc_loss(read, targets, lengths // 2, target_lengths, zero_infinity=True)
            optimizer.zero_grad()
            (error + 0.1 * distance + PHONEMES_WEIGHT * missed).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            sums += [error.item(), missed.item(), distance.item()]
            if step % 100 == 99:
                said = ", ".join(f"{value / 100:.4f}" for value in sums)
                spent = time.monotonic() - begun
                print(f"dvae {stage}: step {step + 1}, mel L1, phonemes, distance {said}, {spent:.0f} s", flush=True)
                sums[:] = 0
            if step % 250 == 249 or step + 1 == steps:
                self._save(stage, step + 1, optimizer)

    def _clips_of(self, step: int) -> tuple[torch.Tensor, ...]:
        """Clips of about one length, padded with silence to whole codes, as they are and as the encoder hears them,
        and their phonemes as CTC takes them."""
        rng = np.random.default_rng((7, step))
        window = min(len(self.clips), 12 * self.batch)
        first = int(rng.integers(len(self.clips) - window + 1))
        chosen = [self.clips[first + n] for n in rng.choice(window, min(self.batch, window), replace=False)]
        frames = -(-max(clip.mel.shape[1] for clip in chosen) // FRAMES_A_CODE) * FRAMES_A_CODE
        mels = self.floor.expand(len(chosen), -1, frames).clone()
        for row, clip in zip(mels, chosen, strict=True):
            row[:, : clip.mel.shape[1]] = as_another(clip.mel.float(), self.mel_stats, rng)
        heard = torch.stack([with_a_gap(mel, rng) for mel in mels])
        targets = torch.tensor([self.letters[letter] for clip in chosen for letter in clip.phonemes])
        target_lengths = torch.tensor([len(clip.phonemes) for clip in chosen])
        lengths = torch.full((len(chosen),), frames)
        return mels, heard, targets, target_lengths, lengths

    def _save(self, stage: str, step: int, optimizer: torch.optim.Optimizer | None = None) -> None:
        state = {
            "dvae": self.dvae.state_dict(),
            "reader": self.reader.state_dict(),
            "stage": stage,
            "step": step,
            "optimizer": optimizer.state_dict() if optimizer else None,
        }
        partial = self.saved.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.saved)

    def _restore(self) -> tuple[str, int, dict[str, Any] | None]:
        state = torch.load(self.saved, weights_only=True)
        self.dvae.load_state_dict(state["dvae"])
        self.reader.load_state_dict(state["reader"])
        return state["stage"], state["step"], state["optimizer"]


def load_dvae(saved: Path) -> DiscreteVAE:
    """The DVAE of a training that has ended."""
    dvae = slim_dvae()
    dvae.load_state_dict(torch.load(saved, weights_only=True)["dvae"])
    return dvae.eval()


@torch.no_grad()
def set_codebook(dvae: DiscreteVAE, mels: Sequence[torch.Tensor]) -> None:
    """The codebook as k-means centroids of the encoder's outputs."""
    dvae.eval()
    chosen = np.random.default_rng(1).permutation(len(mels))[:1500]
    latents = torch.cat([dvae.encoder(_whole(mels[index])[None])[0].T for index in chosen])
    kmeans = MiniBatchKMeans(CODES, batch_size=8192, n_init=1, max_iter=30, random_state=0).fit(latents.numpy())
    table = torch.from_numpy(kmeans.cluster_centers_.astype(np.float32)).T.contiguous()
    sizes = torch.from_numpy(np.bincount(kmeans.labels_, minlength=CODES)).float().clamp_min(1.0)
    sizes *= 512 / sizes.sum()  # about as many vectors as a batch has
    dvae.codebook.embed.copy_(table)
    dvae.codebook.embed_avg.copy_(table * sizes)
    dvae.codebook.cluster_size.copy_(sizes)


def _whole(mel: torch.Tensor) -> torch.Tensor:
    """As many frames as whole codes have."""
    return mel[:, : mel.shape[1] // FRAMES_A_CODE * FRAMES_A_CODE].float()


@torch.no_grad()
def reconstruction(dvae: DiscreteVAE, mels: Sequence[torch.Tensor]) -> dict[str, float]:
    """Mean L1 of the decoded mels, their standard deviation, codes in use and perplexity."""
    errors, values, counts = [], [], torch.zeros(CODES)
    for mel in mels:
        usable = _whole(mel)
        codes = dvae.get_codebook_indices(usable[None])
        decoded = dvae.decode(codes)[0][0]
        errors.append((decoded - usable).abs().flatten())
        values.append(usable.flatten())
        counts += torch.bincount(codes.flatten(), minlength=CODES)
    share = counts[counts > 0] / counts.sum()
    return {
        "mel_l1": torch.cat(errors).mean().item(),
        "mel_std": torch.cat(values).std().item(),
        "codes_used": int((counts > 0).sum()),
        "perplexity": torch.exp(-(share * share.log()).sum()).item(),
    }
