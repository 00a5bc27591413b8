"""A slim DVAE: XTTS's discrete autoencoder of mels, with 1,024 codes and one code for every 4 frames (46 ms).

Trained from scratch with its codebook it collapses to one code, so it is trained in three stages: encoder and
decoder without quantising; a codebook of k-means centroids of the encoder's outputs; all three together, gradients
passing straight through the quantiser and the codebook following by moving averages (van den Oord et al., 2017).
"""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import MiniBatchKMeans
from TTS.tts.layers.xtts.dvae import DiscreteVAE

CODES = 1024
HIDDEN = 80
CODEBOOK_DIM = 64
FRAMES_A_CODE = 4
SEGMENT = 64
"""Frames in a training segment."""


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


def train_dvae(mels: list[torch.Tensor], steps: int, batch: int = 16, seed: int = 1) -> DiscreteVAE:
    """A DVAE of `mels` (each (80, frames)); `steps` without quantising, then twice as many with."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    dvae = slim_dvae()
    _descend(dvae, mels, steps, batch, generator, quantise=False)
    _set_codebook(dvae, mels, generator)
    _descend(dvae, mels, 2 * steps, batch, generator, quantise=True)
    return dvae.eval()


def _descend(
    dvae: DiscreteVAE,
    mels: list[torch.Tensor],
    steps: int,
    batch: int,
    generator: np.random.Generator,
    quantise: bool,
) -> None:
    """`steps` steps of AdamW on L1 (and, quantising, on the distance to the codebook), one cycle of the rate."""
    peak = 1e-3 if quantise else 2e-3
    optimizer = torch.optim.AdamW(dvae.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=steps, pct_start=0.1)
    long_enough = [mel for mel in mels if mel.shape[1] > SEGMENT]
    begun = time.monotonic()
    dvae.train()
    for step in range(steps):
        segments = _segments(long_enough, batch, generator)
        with torch.autocast("cpu", torch.bfloat16):
            latent = dvae.encoder(segments).float()
            distance = torch.zeros(())
            if quantise:
                with torch.autocast("cpu", enabled=False):
                    coded, _, distance = dvae.codebook(latent.transpose(1, 2))
                latent = coded.transpose(1, 2)
            error = F.l1_loss(dvae.decoder(latent), segments)
        optimizer.zero_grad()
        (error + 0.1 * distance).backward()
        torch.nn.utils.clip_grad_norm_(dvae.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            spent = time.monotonic() - begun
            print(
                f"dvae: quantised {quantise}, step {step + 1}, mel L1 {error.item():.4f}, "
                f"distance {distance.item():.4f}, {spent:.0f} s",
                flush=True,
            )


def _segments(mels: list[torch.Tensor], batch: int, generator: np.random.Generator) -> torch.Tensor:
    """(batch, 80, SEGMENT) from random places of random clips."""
    picked = []
    for index in generator.integers(len(mels), size=batch):
        start = generator.integers(mels[index].shape[1] - SEGMENT)
        picked.append(mels[index][:, start : start + SEGMENT])
    return torch.stack(picked).float()


@torch.no_grad()
def _set_codebook(dvae: DiscreteVAE, mels: list[torch.Tensor], generator: np.random.Generator) -> None:
    chosen = generator.permutation(len(mels))[:1500]
    latents = torch.cat([dvae.encoder(mels[index][None].float())[0].T for index in chosen])
    kmeans = MiniBatchKMeans(CODES, batch_size=8192, n_init=1, max_iter=30, random_state=0).fit(latents.numpy())
    table = torch.from_numpy(kmeans.cluster_centers_.astype(np.float32)).T.contiguous()
    sizes = torch.from_numpy(np.bincount(kmeans.labels_, minlength=CODES)).float().clamp_min(1.0)
    sizes *= 256 / sizes.sum()  # as many vectors as a batch of 16 segments has
    dvae.codebook.embed.copy_(table)
    dvae.codebook.embed_avg.copy_(table * sizes)
    dvae.codebook.cluster_size.copy_(sizes)


@torch.no_grad()
def reconstruction(dvae: DiscreteVAE, mels: list[torch.Tensor]) -> dict[str, float]:
    """Mean L1 of the decoded mels, their standard deviation, codes in use and perplexity."""
    errors, values, counts = [], [], torch.zeros(CODES)
    for mel in mels:
        usable = mel[:, : mel.shape[1] // FRAMES_A_CODE * FRAMES_A_CODE].float()
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
