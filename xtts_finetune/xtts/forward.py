"""The GPT's forward pass for training: conditioning, text and sound to the hidden states of the tokens that are scored.

Coqui's own `GPT.forward` computes the same with padding inside the sequence, a mask over it, a key-value cache that
training never reads, and logits for padding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from xtts_finetune.xtts.attention import attention
from xtts_finetune.xtts.conditioning import conditioning_latents
from xtts_finetune.xtts.dropout import dropout
from xtts_finetune.xtts.layout import Layout

RunBlock = Callable[[Any, Tensor], Tensor]  # a transformer block and (b, length, width) -> (b, length, width)


def run_block(block: Any, hidden: Tensor) -> Tensor:
    """A GPT-2 block of transformers, on causal sequences without a mask and with its activation in one kernel."""
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
