"""Attention in whichever way is fastest on the device: torch's own kernels, or written out."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> Tensor:
    """Scaled dot-product attention (Vaswani et al., NeurIPS 2017), (b, heads, n, channels).

    Keys and values are (b, heads, m, channels); `bias` (1, m) is added to the scores of each key. Torch's kernel for
    the CPU takes twice the time of the products written out where they are in bfloat16, and it knows no dropout.
    """
    if query.device.type == "cpu" and (dropout or query.dtype == torch.bfloat16):
        return _written_out(query, key, value, bias, causal, dropout)
    return F.scaled_dot_product_attention(query, key, value, bias, dropout, is_causal=causal)


def _written_out(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, causal: bool, dropout: float
) -> Tensor:
    scores = query * (1 / math.sqrt(query.shape[-1])) @ key.transpose(-1, -2)
    if bias is not None:
        scores = scores + bias
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    weights = torch.softmax(scores, dim=-1)
    return F.dropout(weights, dropout) @ value if dropout else weights @ value
