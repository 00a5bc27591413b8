"""Where the real tokens of a batch lie: text and sound of a clip side by side, padding at the ends alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

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
