"""The GPT's forward pass for training: conditioning, text and sound to the hidden states of the tokens that are scored.

Coqui's own `GPT.forward` computes the same with padding inside the sequence, a mask over it, a key-value cache that
training never reads, and logits for padding.

What the GPT hears of the voice: Coqui's conditioning encoder and perceiver on mels, computed once per real frame.

A mel is filled up with silence to the greatest length. The encoder has no positions, so all frames of that
silence are alike in every layer: one of them is computed, and counts as many times as there are.

Where the real tokens of a batch lie: text and sound of a clip side by side, padding at the ends alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from xtts_finetune.xtts.dropout import attention, dropout

STOP_TOKENS = 4  # stop tokens that Coqui's GPT scores after the codes of a clip

# Sizes are rounded up to these. Each new size costs a CPU in bfloat16, and a compiled layer, the making of new kernels,
# which then stay in memory.
LENGTH_GRAIN, FRAME_GRAIN, ROW_GRAIN = 16, 32, 64


def rounded_up(size: int, grain: int) -> int:
    """The next multiple of `grain`."""
    return -(-size // grain) * grain


@dataclass(frozen=True)
class Layout:
    """Where each real token of b clips comes from and goes to.

    Coqui pads texts and sounds apart and hides the padding between them from attention. Here the sound of a clip
    follows its text at once: what is padded lies behind everything that is real, where causal attention never looks.
    The results are the same, without a mask and with shorter sequences. All indices are int64.

    text_rows   (text tokens,)   in the flattened (b, longest text + 1)    text_places  (text tokens,) in the
    mel_rows    (audio tokens,)  in the flattened (b, most codes + 4)      mel_places   (audio tokens,) flattened
    first_stops (b,)             each clip's first stop token, as an index into mel_rows        (b, length)
    length      tokens of the longest clip, text and sound together, rounded up
    """

    text_rows: Tensor
    text_places: Tensor
    mel_rows: Tensor
    mel_places: Tensor
    first_stops: Tensor
    length: int

    def each(self, change: Callable[[Tensor], Tensor]) -> Layout:
        """The same layout with `change` done to each of its tensors."""
        changed: dict[str, Any] = {
            name: change(value) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **changed)


def layout_of(
    text_lengths: Tensor, code_lengths: Tensor, text_width: int, code_width: int, least_length: int = 0
) -> Layout:
    """The layout of clips with these lengths, both (b,), of tensors padded to these widths.

    `least_length`: tokens of a longer clip in the batch that these are a part of.
    Made on the CPU, before the batch goes to its device: a GPU would have to be waited for.
    """
    texts, sounds = text_lengths + 1, code_lengths + STOP_TOKENS  # a start token before, stop tokens after
    length = rounded_up(max(int((texts + sounds).max()), least_length), LENGTH_GRAIN)
    firsts = torch.arange(len(texts)) * length
    text_rows, text_places = _rows(texts, text_width + 1, firsts)
    mel_rows, mel_places = _rows(sounds, code_width + STOP_TOKENS, firsts + texts)
    first_stops = sounds.cumsum(0) - STOP_TOKENS
    return Layout(text_rows, text_places, mel_rows, mel_places, first_stops, length)


def _rows(lengths: Tensor, width: int, firsts: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of the real tokens in (b, width), flattened, and their places when a clip's begin at `firsts`."""
    clips, columns = torch.nonzero(torch.arange(width) < lengths[:, None], as_tuple=True)
    return clips * width + columns, firsts[clips] + columns


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


RunBlock = Callable[[Any, Tensor], Tensor]  # a transformer block and (b, length, width) -> (b, length, width)


def run_block(block: Any, hidden: Tensor) -> Tensor:
    """A GPT-2 block of transformers on causal (batch, positions, width): no mask, and its activation in one kernel."""
    heads, self_attention, mlp = block.attn.num_heads, block.attn, block.mlp
    query, key, value = (
        part.unflatten(-1, (heads, -1)).transpose(1, 2)
        for part in self_attention.c_attn(block.ln_1(hidden)).chunk(3, dim=-1)
    )
    heard = attention(query, key, value, causal=True, drop=_share(self_attention.attn_dropout))
    merged = self_attention.c_proj(heard.transpose(1, 2).flatten(2))
    hidden = hidden + dropout(merged, _share(self_attention.resid_dropout))
    widened = F.gelu(mlp.c_fc(block.ln_2(hidden)), approximate="tanh")  # "gelu_new" of transformers
    return hidden + dropout(mlp.c_proj(widened), _share(mlp.dropout))


def _share(module: Any) -> float:
    """What a dropout module drops in the mode that it is in."""
    return float(module.p) if module.training else 0.0


def run_again_later(run: RunBlock, block: Any, hidden: Tensor) -> Tensor:
    """What `run` gives, computed a second time for the gradients instead of kept (Chen et al., 2016)."""
    after: Tensor = checkpoint(run, block, hidden, use_reentrant=False)
    return after


def hidden_states(
    gpt: Any,
    text: Tensor,
    mel: Tensor,
    layout: Layout,
    conditioning: Tensor,
    last_frame_counts: int = 1,
    run: RunBlock = run_block,
) -> tuple[Tensor, Tensor]:
    """What the heads of Coqui's GPT see: (text tokens, width) and (audio tokens, width), in the layout's order.

    text          int64 (b, longest text + 1), input tokens    mel   int64 (b, most codes + 4), input tokens
    conditioning  float32 (b, 80, frames); its last frame stands for `last_frame_counts` equal ones
    """
    latents = conditioning_latents(gpt, conditioning, last_frame_counts)
    tokens = torch.cat([
        _embedded(text, layout.text_rows, gpt.text_embedding, gpt.text_pos_embedding),
        _embedded(mel, layout.mel_rows, gpt.mel_embedding, gpt.mel_pos_embedding),
    ])  # fmt: skip
    places = torch.cat([layout.text_places, layout.mel_places])
    clips, width = latents.shape[0], tokens.shape[-1]
    sequences = tokens.new_zeros(clips * layout.length, width).index_copy(0, places, tokens)
    whole = torch.cat([latents.to(tokens.dtype), sequences.view(clips, -1, width)], dim=1)
    hidden = dropout(whole, _share(gpt.gpt.drop))
    for block in gpt.gpt.h:
        hidden = run(block, hidden)
    scored = hidden[:, latents.shape[1] :].flatten(0, 1).index_select(0, places)
    scored = gpt.final_norm(gpt.gpt.ln_f(scored))
    text_states, mel_states = scored.split([len(layout.text_places), len(layout.mel_places)])
    return text_states, mel_states


def _embedded(tokens: Tensor, rows: Tensor, embedding: Any, positions: Any) -> Tensor:
    """(real tokens, width): what each token is, and where in its text or sound it stands."""
    columns = rows % tokens.shape[1]
    embedded: Tensor = embedding(tokens.flatten().index_select(0, rows)) + positions.emb(columns)
    return embedded
