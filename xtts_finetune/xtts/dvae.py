"""Coqui's discrete VAE in whatever size the file has."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from TTS.tts.layers.xtts.dvae import DiscreteVAE

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.state import read_content


def load_dvae(path: Path) -> DiscreteVAE:
    """The DVAE of a base, in evaluation mode, float32.

    XTTS v2's is 512 wide with 1024 codes; a slim one is read by the shapes of its own tensors.
    Raises UserError if the file cannot be read or is not a DVAE.
    """
    state = read_content(path)
    try:
        dvae = DiscreteVAE(
            channels=80, normalization=None, positional_dims=1, use_transposed_convs=False, **_sizes(state)
        )
        missing = dvae.load_state_dict(state, strict=False).missing_keys
    except Exception as error:
        raise UserError(
            f"{path}: this is not a DVAE that fits XTTS ({error}); fetch the base again"
        ) from error
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
        "num_resnet_blocks": sum(
            re.fullmatch(r"encoder\.\d+\.net\.0\.weight", key) is not None for key in state
        ),
    }
