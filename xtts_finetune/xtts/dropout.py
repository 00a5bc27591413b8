"""Dropout and attention that cost little: random numbers drawn fast on a CPU, and torch's own kernels on a GPU."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    causal: bool = False,
    drop: float = 0.0,
) -> Tensor:
    """Scaled dot-product attention (Vaswani et al., NeurIPS 2017), (b, heads, n, channels).

    Keys and values are (b, heads, m, channels); `bias` (1, m) is added to the scores of each key; `drop` is the share
    of weights that dropout takes. On the CPU, torch's kernel takes twice the time of the products written out where
    they are in bfloat16, and it knows no dropout.
    """
    if query.device.type == "cpu" and (drop or query.dtype == torch.bfloat16):
        return _written_out(query, key, value, bias, causal, drop)
    return F.scaled_dot_product_attention(query, key, value, bias, drop, is_causal=causal)


def _written_out(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, causal: bool, share: float) -> Tensor:
    scores = _scores(query.flatten(0, 1), key.flatten(0, 1), bias, causal)
    weights = dropout(torch.softmax(scores, dim=-1), share)
    return (weights @ value.flatten(0, 1)).view(query.shape)


def _scores(query: Tensor, key: Tensor, bias: Tensor | None, causal: bool) -> Tensor:
    """(b x heads, n, m), with what is added to them in the same pass."""
    if causal:
        bias = query.new_full((query.shape[1], key.shape[1]), -math.inf).triu(1)
    scale = 1 / math.sqrt(query.shape[-1])
    if bias is None:
        return torch.bmm(query * scale, key.transpose(1, 2))
    return torch.baddbmm(bias, query, key.transpose(1, 2), alpha=scale)


_LEVELS = 2**16  # four random numbers of 16 bits come out of one draw of 64
_SEEDS = 2**62

_rows_before = 0  # see `rows_after`
_rows_here: int | None = None


@contextlib.contextmanager
def rows_after(before: int, here: int) -> Iterator[None]:
    """Inside, and in backward passes made inside, values are of `here` clips of a batch, after its first `before`.

    On the CPU they get the chance that they would have in the whole batch, from the same state of torch's
    generator: who shares a batch over processes computes what one process does.
    """
    global _rows_before, _rows_here
    outside = _rows_before, _rows_here
    _rows_before, _rows_here = before, here
    try:
        yield
    finally:
        _rows_before, _rows_here = outside


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
    # Values of one clip lie together, whatever else the dimensions are: (clips x heads, ...), (clips, length, width).
    before = _rows_before * (count // _rows_here) if _rows_here else 0
    source, left = np.random.PCG64(seed), before % 4
    if before >= 4:
        source.advance(before // 4)
    raw = source.random_raw(-(-(left + count) // 4)).view(np.uint16)[left : left + count]
    return torch.from_numpy(raw >= round(share * _LEVELS)).view(shape)
