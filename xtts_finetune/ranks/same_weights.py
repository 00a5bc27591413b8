"""Whether all ranks hold the same weights: what is exchanged keeps them alike, and a drift would ruin the phase."""

from __future__ import annotations

import hashlib
import socket

import torch
from torch import nn

from xtts_finetune.errors import WorkFailed
from xtts_finetune.ranks.group import Ranks


def weights_hash(model: nn.Module) -> str:
    """A hash of the bytes of all weights that train, in the order of the model."""
    digest = hashlib.blake2b(digest_size=16)
    for weight in model.parameters():
        if weight.requires_grad:
            values = weight.detach().contiguous().cpu().flatten().view(torch.uint8)
            digest.update(values.numpy().data)
    return digest.hexdigest()


def check_same_weights(model: nn.Module, ranks: Ranks, step: int) -> str | None:
    """The hash that all ranks agree on; None for one alone. Raises WorkFailed that names those that differ."""
    if ranks.count == 1:
        return None
    found = ranks.gather((weights_hash(model), socket.gethostname()))
    first = found[0][0]
    strays = [f"rank {rank} on {host}" for rank, (its, host) in enumerate(found) if its != first]
    if strays:
        raise WorkFailed(
            f"the weights of {', '.join(strays)} are not those of rank 0 at step {step}: the ranks have drifted apart; "
            "go on from the last checkpoint with the same command, and look at the memory and the network of that "
            "machine if it happens again"
        )
    return first
