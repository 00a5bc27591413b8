"""What the GPT hears of the voice: Coqui's conditioning encoder and perceiver on mels, computed once per real frame.

A mel is filled up with silence to the greatest length. The encoder has no positions, so all frames of that
silence are alike in every layer: one of them is computed, and counts as many times as there are.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from xtts_finetune.xtts.attention import attention


def conditioning_latents(gpt: Any, mels: Tensor, last_frame_counts: int = 1) -> Tensor:
    """(b, 32, width) latents of (b, 80, frames) mels whose last frame stands for `last_frame_counts` equal ones.

    The same as `get_style_emb` of Coqui's GPT, transposed, on mels with the last frame written out that many times.
    """
    encoder = gpt.conditioning_encoder
    hidden = F.linear(mels.transpose(1, 2), encoder.init.weight.squeeze(-1), encoder.init.bias)
    for block in encoder.attn:
        hidden = _encoder_block(block, hidden, last_frame_counts)
    return _perceiver(gpt.conditioning_perceiver, hidden, last_frame_counts)


def _encoder_block(block: Any, hidden: Tensor, counts: int) -> Tensor:
    """Coqui's AttentionBlock on (b, frames, width)."""
    normed = _group_norm(block.norm, hidden, counts)
    qkv = F.linear(normed, block.qkv.weight.squeeze(-1), block.qkv.bias)
    # Coqui's order of the channels: head by head, each with its q, k and v.
    query, key, value = qkv.view(*qkv.shape[:2], block.num_heads, 3, -1).permute(3, 0, 2, 1, 4)
    heard = _attention(query, key, value, counts)
    return normed + F.linear(heard, block.proj_out.weight.squeeze(-1), block.proj_out.bias)


def _group_norm(norm: torch.nn.GroupNorm, hidden: Tensor, counts: int) -> Tensor:
    """Group normalisation (Wu and He, ECCV 2018) of (b, frames, width), in float32, the last frame counted often."""
    centred = hidden.float() - _group_mean(hidden.float(), norm.num_groups, counts)
    variance = _group_mean(centred * centred, norm.num_groups, counts)
    return torch.addcmul(norm.bias, centred, torch.rsqrt(variance + norm.eps) * norm.weight)


def _group_mean(values: Tensor, groups: int, counts: int) -> Tensor:
    """(b, 1, width) mean over all frames and the channels of a group, written out for each channel."""
    total = values.sum(1)
    if counts > 1:
        total = total + (counts - 1) * values[:, -1]
    means = total.view(len(total), groups, -1).mean(-1, keepdim=True) / (values.shape[1] - 1 + counts)
    return means.expand(-1, -1, values.shape[2] // groups).flatten(1)[:, None]


def _perceiver(perceiver: Any, frames: Tensor, counts: int) -> Tensor:
    """Coqui's PerceiverResampler on (b, frames, width)."""
    frames = perceiver.proj_context(frames)
    latents = perceiver.latents.expand(len(frames), -1, -1)
    for listening, feed_forward in perceiver.layers:
        keys, values = listening.to_kv(torch.cat([latents, frames.to(latents.dtype)], dim=1)).chunk(2, dim=-1)
        query, key, value = (
            part.unflatten(-1, (listening.heads, -1)).transpose(1, 2)
            for part in (listening.to_q(latents), keys, values)
        )
        latents = listening.to_out(_attention(query, key, value, counts)) + latents
        latents = feed_forward(latents) + latents
    normed: Tensor = perceiver.norm(latents)
    return normed


def _attention(query: Tensor, key: Tensor, value: Tensor, counts: int) -> Tensor:
    """Attention of (b, heads, n, channels) to (b, heads, m, channels), the last key counted often: (b, n, width)."""
    bias = None
    if counts > 1:
        # exp(x + log c) = c exp(x): as if the key were there c times.
        bias = query.new_zeros(1, key.shape[-2])
        bias[:, -1] = math.log(counts)
    return attention(query, key, value, bias).transpose(1, 2).flatten(2)
