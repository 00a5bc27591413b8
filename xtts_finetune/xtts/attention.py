"""Attention in whichever way is fastest on the device: torch's own kernels, or written out."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from xtts_finetune.xtts.dropout import dropout


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


def _written_out(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, causal: bool, share: float
) -> Tensor:
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
