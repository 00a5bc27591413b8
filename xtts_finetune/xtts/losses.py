"""The GPT's forward pass for training, and its cross-entropies with their units.

The targets are those of Coqui's `GPT.forward` (tortoise-tts's scheme): text is scored on its tokens and one
stop token, sound on its codes and four stop tokens. Padding is masked in attention and never scored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORE = -1  # target that does not count
STOP_TOKENS = 4  # stop tokens that Coqui's GPT scores after the codes of a clip
TEXT_CE_UNIT = (
    0.01  # Coqui logs text CE times its loss weight; text_ce keeps that unit whatever the weight is
)


@dataclass(frozen=True)
class GptBatch:
    """b clips ready for the GPT; what lies past a clip's own length is padding that no loss counts.

    text            int64 (b, tokens), without start and stop   text_lengths  int64 (b,)
    codes           int64 (b, codes), one for 1024 samples      code_lengths  int64 (b,)
    conditioning    float32 (b, 80, frames), mels
    prompt_slices   int64 (b, 2): first code of the part that conditions the model, and the code after its last
                    whole one; None where nothing is masked, as in evaluation
    """

    text: Tensor
    text_lengths: Tensor
    codes: Tensor
    code_lengths: Tensor
    conditioning: Tensor
    prompt_slices: Tensor | None = None

    @property
    def clips(self) -> int:
        """Clips in the batch."""
        return len(self.text_lengths)

    def to(self, device: torch.device | str) -> GptBatch:
        """The same batch on a device."""
        present = {name: tensor for name, tensor in vars(self).items() if tensor is not None}
        return replace(
            self, **{name: tensor.to(device, non_blocking=True) for name, tensor in present.items()}
        )


@dataclass(frozen=True)
class Sequences:
    """Inputs and targets of one half of the sequence. All (batch, length); `mask` is True where a token is real."""

    inputs: Tensor
    targets: Tensor
    mask: Tensor


@dataclass(frozen=True)
class CrossEntropies:
    """Sums in nats, with the number of tokens that were summed. Add them over batches, then take means."""

    text_sum: Tensor
    text_count: Tensor
    mel_sum: Tensor
    mel_count: Tensor
    stop_sum: Tensor
    stop_count: Tensor

    def __add__(self, other: CrossEntropies) -> CrossEntropies:
        return CrossEntropies(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    @property
    def text(self) -> Tensor:
        """Mean CE of text tokens, nats."""
        return self.text_sum / self.text_count

    @property
    def mel(self) -> Tensor:
        """Mean CE of audio tokens, nats."""
        return self.mel_sum / self.mel_count

    @property
    def stop(self) -> Tensor:
        """Mean CE of each clip's first stop token, nats: does the model know where to end?"""
        return self.stop_sum / self.stop_count


def text_sequences(text: Tensor, lengths: Tensor, start: int, stop: int) -> Sequences:
    """Start, tokens -> tokens, stop. (batch, longest + 1)"""
    return _shift(text, lengths, start, stop, stops=1)


def mel_sequences(codes: Tensor, lengths: Tensor, start: int, stop: int, prompts: Tensor | None) -> Sequences:
    """Start, codes, stops -> codes, stops. (batch, longest + 4)

    `prompts` marks for every item the codes that conditioned the model: they are heard, so predicting them
    teaches nothing and they are not scored. (Stock masks the last item of a batch alone, and there at
    sample counts divided by 256 rather than 1024.)
    """
    sequences = _shift(codes, lengths, start, stop, stops=STOP_TOKENS)
    if prompts is None:
        return sequences
    positions = torch.arange(sequences.targets.shape[1], device=codes.device)
    heard = (positions >= prompts[:, :1]) & (positions < prompts[:, 1:]) & (positions < lengths[:, None])
    return Sequences(sequences.inputs, sequences.targets.masked_fill(heard, IGNORE), sequences.mask)


def gpt_cross_entropies(gpt: Any, batch: GptBatch) -> CrossEntropies:
    """Cross-entropies of Coqui's GPT on a batch. Differentiable; the caller weighs them into a loss."""
    text = text_sequences(batch.text, batch.text_lengths, gpt.start_text_token, gpt.stop_text_token)
    mel = mel_sequences(
        batch.codes, batch.code_lengths, gpt.start_audio_token, gpt.stop_audio_token, batch.prompt_slices
    )
    text_logits, mel_logits = _logits(gpt, text, mel, batch.conditioning)
    return cross_entropies(text_logits, text.targets, mel_logits, mel.targets, batch.code_lengths)


def cross_entropies(
    text_logits: Tensor, text_targets: Tensor, mel_logits: Tensor, mel_targets: Tensor, code_lengths: Tensor
) -> CrossEntropies:
    """Cross-entropy of text and mel tokens, summed over the batch with their token counts.

    text_logits (batch, text, vocabulary)   mel_logits (batch, mel, 1026)   targets (batch, ...), -1 does not count.
    Computed in float32 whatever the logits are. Divide by the counts of the whole eval set for a mean that does
    not depend on how it was batched.
    """
    text_each = _token_ce(text_logits, text_targets)
    mel_each = _token_ce(mel_logits, mel_targets)
    first_stops = mel_each.gather(1, code_lengths[:, None])
    return CrossEntropies(
        text_sum=text_each.sum(),
        text_count=(text_targets != IGNORE).sum(),
        mel_sum=mel_each.sum(),
        mel_count=(mel_targets != IGNORE).sum(),
        stop_sum=first_stops.detach().sum(),
        stop_count=torch.tensor(first_stops.numel(), device=mel_targets.device),
    )


def _shift(tokens: Tensor, lengths: Tensor, start: int, stop: int, stops: int) -> Sequences:
    """Teacher forcing: targets are the tokens and then `stops` stop tokens; inputs are the same, one later."""
    positions = torch.arange(tokens.shape[1] + stops, device=tokens.device)
    padded = F.pad(tokens, (0, stops), value=stop)
    filled = torch.where(positions < lengths[:, None], padded, stop)
    mask = positions < lengths[:, None] + stops
    inputs = F.pad(filled[:, :-1], (1, 0), value=start)
    return Sequences(inputs, filled.masked_fill(~mask, IGNORE), mask)


def _logits(gpt: Any, text: Sequences, mel: Sequences, conditioning: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (batch, text, vocabulary) and (batch, mel, audio tokens): conditioning latents, then text, then sound."""
    latents = gpt.get_style_emb(conditioning).transpose(1, 2)
    text_emb = gpt.text_embedding(text.inputs) + gpt.text_pos_embedding(text.inputs)
    mel_emb = gpt.mel_embedding(mel.inputs) + gpt.mel_pos_embedding(mel.inputs)
    prompt_mask = torch.ones(latents.shape[:2], dtype=torch.bool, device=latents.device)
    hidden = gpt.gpt(
        inputs_embeds=torch.cat([latents, text_emb, mel_emb], dim=1),
        attention_mask=torch.cat([prompt_mask, text.mask, mel.mask], dim=1),
        return_dict=True,
    ).last_hidden_state[:, latents.shape[1] :]
    hidden = gpt.final_norm(hidden)
    length = text_emb.shape[1]
    return gpt.text_head(hidden[:, :length]), gpt.mel_head(hidden[:, length:])


def _token_ce(logits: Tensor, targets: Tensor) -> Tensor:
    """(batch, length) CE of each token, 0 where the target does not count."""
    return F.cross_entropy(logits.float().transpose(1, 2), targets, ignore_index=IGNORE, reduction="none")
