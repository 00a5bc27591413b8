"""Dropout that costs little on a CPU, where torch draws one random number for each value, one after the other."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_LEVELS = 2**16  # four random numbers of 16 bits come out of one draw of 64
_SEEDS = 2**62


def dropout(values: Tensor, share: float) -> Tensor:
    """Set a random `share` of the values to zero and scale up the rest (Srivastava et al., JMLR 2014).

    On the CPU the share is exact to 1/65536. All chance comes from torch's own generator, so a seed or a restored
    state of it gives the same again.
    """
    if not share:
        return values
    if values.device.type != "cpu":
        return F.dropout(values, share)
    return values * _mask(values.shape, share).to(values.dtype).mul_(1 / (1 - share))


def _mask(shape: torch.Size, share: float) -> Tensor:
    """bool: which values stay."""
    seed = int(torch.randint(_SEEDS, ()))
    count = shape.numel()
    raw = np.random.PCG64(seed).random_raw(-(-count // 4)).view(np.uint16)[:count]
    return torch.from_numpy(raw >= round(share * _LEVELS)).view(shape)
