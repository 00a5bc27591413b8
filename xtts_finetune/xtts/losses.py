"""Cross-entropies of the GPT, with their units.

The targets are those of Coqui's `GPT.forward` (tortoise-tts's scheme): text is scored on its tokens and one
stop token, sound on its codes and four stop tokens. Padding is never scored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from xtts_finetune.xtts.forward import (
    ROW_GRAIN,
    STOP_TOKENS,
    Layout,
    RunBlock,
    hidden_states,
    layout_of,
    rounded_up,
    run_block,
)

IGNORE = -1  # target that does not count
TEXT_CE_UNIT = 0.01  # Coqui logs text CE times its loss weight; text_ce keeps that unit whatever the weight is


@dataclass(frozen=True)
class PartOf:
    """The batch that clips are a part of, of so many `clips`; infinitely many where these are not to count.

    `number` counts the micro-batches of the step, `rows_before` the clips before these. `text_tokens` and
    `mel_tokens` of the whole are scored, `heard_tokens` fewer where prompts are masked.
    """

    number: int
    rows_before: int
    clips: float
    text_tokens: float
    mel_tokens: float
    heard_tokens: int


@dataclass(frozen=True)
class GptBatch:
    """b clips ready for the GPT; what lies past a clip's own length is padding that no loss counts.

    text            int64 (b, tokens), without start and stop   text_lengths  int64 (b,)
    codes           int64 (b, codes), one for 1024 samples      code_lengths  int64 (b,)
    conditioning    float32 (b, 80, frames), mels; the last frame stands for `last_frame_counts` equal ones
    prompt_slices   int64 (b, 2): first code of the part that conditions the model, and the code after its last
                    whole one; None where nothing is masked, as in evaluation
    layout          where the real tokens lie; left out, it is found when it is needed
    part_of         the whole batch, where several processes share it: means are then taken over the whole
    """

    text: Tensor
    text_lengths: Tensor
    codes: Tensor
    code_lengths: Tensor
    conditioning: Tensor
    prompt_slices: Tensor | None = None
    last_frame_counts: int = 1
    layout: Layout | None = None
    part_of: PartOf | None = None

    @property
    def share(self) -> float:
        """The clips here among those of the whole batch."""
        return 1.0 if self.part_of is None else self.clips / self.part_of.clips

    @property
    def clips(self) -> int:
        """Clips in the batch."""
        return len(self.text_lengths)

    def to(self, device: torch.device | str) -> GptBatch:
        """The same batch on a device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> GptBatch:
        """The same batch in page-locked memory, from where a GPU takes it without being waited for."""
        return self._each(Tensor.pin_memory)

    def laid_out(self, least_length: int = 0) -> GptBatch:
        """The same batch with its layout, for sequences of so many tokens at least."""
        widths = self.text.shape[1], self.codes.shape[1]
        layout = layout_of(self.text_lengths.cpu(), self.code_lengths.cpu(), *widths, least_length)
        return replace(self, layout=layout.each(lambda indices: indices.to(self.text.device)))

    def _each(self, change: Callable[[Tensor], Tensor]) -> GptBatch:
        changed: dict[str, Any] = {
            name: change(value) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **changed, layout=self.layout and self.layout.each(change))


@dataclass(frozen=True)
class Sequences:
    """Inputs and targets of one half of the sequence, both (batch, length)."""

    inputs: Tensor
    targets: Tensor


@dataclass(frozen=True)
class GptLogits:
    """What the GPT predicts for the tokens that are scored, and what they are.

    text (text tokens, vocabulary)   mel (audio tokens, 1026)   targets int64 (tokens,), IGNORE does not count
    first_stops (b,), each clip's first stop token among the audio tokens
    """

    text: Tensor
    text_targets: Tensor
    mel: Tensor
    mel_targets: Tensor
    first_stops: Tensor

    @property
    def halves(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Logits and targets of the text, and of the sound."""
        return (self.text, self.text_targets), (self.mel, self.mel_targets)

    def detached(self) -> GptLogits:
        """The same without gradients."""
        return replace(self, text=self.text.detach(), mel=self.mel.detach())


@dataclass(frozen=True)
class CrossEntropies:
    """Sums in nats, with the number of tokens that were summed. Add them over batches, then take means."""

    text_sum: Tensor
    text_count: Tensor
    mel_sum: Tensor
    mel_count: Tensor
    stop_sum: Tensor
    stop_count: Tensor

    def cpu(self) -> CrossEntropies:
        """The same on the CPU."""
        return CrossEntropies(**{name: value.cpu() for name, value in vars(self).items()})

    def of_whole(self, batch: GptBatch) -> CrossEntropies:
        """With the counts of the whole batch: means of its parts add up to those of the whole."""
        part = batch.part_of
        if part is None:
            return self
        heard = part.heard_tokens if batch.prompt_slices is not None else 0
        return replace(
            self,
            text_count=self.text_sum.new_full((), part.text_tokens),
            mel_count=self.mel_sum.new_full((), part.mel_tokens - heard),
        )

    def __add__(self, other: CrossEntropies) -> CrossEntropies:
        return CrossEntropies(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    @property
    def text(self) -> Tensor:
        """Mean CE (scalar) of text tokens, nats."""
        return self.text_sum / self.text_count

    @property
    def mel(self) -> Tensor:
        """Mean CE (scalar) of audio tokens, nats."""
        return self.mel_sum / self.mel_count

    @property
    def stop(self) -> Tensor:
        """Mean CE (scalar) of each clip's first stop token, nats: does the model know where to end?"""
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
    return Sequences(sequences.inputs, sequences.targets.masked_fill(heard, IGNORE))


def gpt_logits(gpt: Any, batch: GptBatch, run: RunBlock = run_block) -> GptLogits:
    """What Coqui's GPT predicts for the tokens of a batch. Differentiable. `run` runs each transformer block."""
    if batch.layout is None:
        batch = batch.laid_out()
    assert batch.layout is not None
    layout = batch.layout
    text = text_sequences(batch.text, batch.text_lengths, gpt.start_text_token, gpt.stop_text_token)
    mel = mel_sequences(
        batch.codes, batch.code_lengths, gpt.start_audio_token, gpt.stop_audio_token, batch.prompt_slices
    )
    text_states, mel_states = hidden_states(
        gpt, text.inputs, mel.inputs, layout, batch.conditioning, batch.last_frame_counts, run
    )
    return GptLogits(
        _logits(gpt.text_head, text_states),
        text.targets.flatten().index_select(0, layout.text_rows),
        _logits(gpt.mel_head, mel_states),
        mel.targets.flatten().index_select(0, layout.mel_rows),
        layout.first_stops,
    )


def gpt_cross_entropies(gpt: Any, batch: GptBatch, run: RunBlock = run_block) -> CrossEntropies:
    """Cross-entropies of Coqui's GPT on a batch. Differentiable; the caller weighs them into a loss."""
    return cross_entropies(gpt_logits(gpt, batch, run))


def cross_entropies(logits: GptLogits) -> CrossEntropies:
    """Cross-entropy of text and mel tokens, summed over the batch with their token counts.

    Computed in float32 whatever the logits are. Divide by the counts of the whole eval set for a mean that does
    not depend on how it was batched.
    """
    text_each = _token_ce(logits.text, logits.text_targets)
    mel_each = _token_ce(logits.mel, logits.mel_targets)
    stops = mel_each.detach().index_select(0, logits.first_stops)
    return CrossEntropies(
        text_sum=text_each.sum(),
        text_count=(logits.text_targets != IGNORE).sum(),
        mel_sum=mel_each.sum(),
        mel_count=(logits.mel_targets != IGNORE).sum(),
        stop_sum=stops.sum(),
        stop_count=torch.full((), len(stops), device=stops.device),
    )


def _shift(tokens: Tensor, lengths: Tensor, start: int, stop: int, stops: int) -> Sequences:
    """Teacher forcing: targets are the tokens and then `stops` stop tokens; inputs are the same, one later."""
    positions = torch.arange(tokens.shape[1] + stops, device=tokens.device)
    padded = F.pad(tokens, (0, stops), value=stop)
    filled = torch.where(positions < lengths[:, None], padded, stop)
    inputs = F.pad(filled[:, :-1], (1, 0), value=start)
    return Sequences(inputs, filled.masked_fill(positions >= lengths[:, None] + stops, IGNORE))


def _logits(head: Any, states: Tensor) -> Tensor:
    """(tokens, vocabulary), computed for a rounded number of tokens."""
    tokens = len(states)
    logits: Tensor = head(F.pad(states, (0, 0, 0, rounded_up(tokens, ROW_GRAIN) - tokens)))
    return logits[:tokens]


def _token_ce(logits: Tensor, targets: Tensor) -> Tensor:
    """(tokens,) CE of each token, 0 where the target does not count."""
    return F.cross_entropy(logits.float(), targets, ignore_index=IGNORE, reduction="none")
