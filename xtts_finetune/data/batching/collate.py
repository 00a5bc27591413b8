"""Cached clips to the padded tensors of a batch, or to the share of it that one of several processes computes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xtts_finetune.data.batching.batches import Lengths
from xtts_finetune.data.cache import Item
from xtts_finetune.numbers.fixed import CODE_SAMPLES, HOP, MEL_CHANNELS
from xtts_finetune.xtts.base import ConditioningLengths
from xtts_finetune.xtts.forward import FRAME_GRAIN, STOP_TOKENS, rounded_up
from xtts_finetune.xtts.losses import GptBatch, PartOf


@dataclass(frozen=True)
class Piece:
    """Clips `first` to `last` (without it) of a step's micro-batch `number`; `idle` where they are not to count."""

    number: int
    first: int
    last: int
    idle: bool = False


def pieces_of(batches: Sequence[Sequence[int]], lengths: Lengths, rank: int, ranks: int) -> list[Piece]:
    """The pieces that a rank computes of a step's micro-batches, a pure function of its arguments.

    All clips of the step stand in a row, each with the positions that its micro-batch is padded to; every rank takes
    the stretch of them whose middle lies in its share. A piece is never larger than a micro-batch, so that memory
    stays what it is on one device. A rank without a clip gets one that does not count: it must take part in the
    exchange of gradients.
    """
    sizes = [len(batch) for batch in batches]
    padded = [lengths.padded(np.asarray(batch, dtype=np.int64)) / len(batch) for batch in batches]
    positions = np.repeat(padded, sizes)
    middles = np.cumsum(positions) - positions / 2
    owners = np.minimum((middles / positions.sum() * ranks).astype(np.int64), ranks - 1)
    pieces, start = [], 0
    for number, size in enumerate(sizes):
        mine = np.flatnonzero(owners[start : start + size] == rank)
        if len(mine):
            pieces.append(Piece(number, int(mine[0]), int(mine[-1]) + 1))
        start += size
    return pieces or [Piece(0, 0, 1, idle=True)]


@dataclass(frozen=True)
class PromptSlice:
    """The part of a clip that conditions the model, in samples; it starts on a frame of the mel."""

    start: int
    length: int

    @property
    def frames(self) -> slice:
        """The frames of the whole clip's mel that belong to it."""
        first = self.start // HOP
        return slice(first, first + self.length // HOP + 1)

    @property
    def codes(self) -> tuple[int, int]:
        """First code, and the code after the last, as stock rounds them: both down."""
        return self.start // CODE_SAMPLES, (self.start + self.length) // CODE_SAMPLES


def draw_prompt_slice(samples: int, lengths: ConditioningLengths, generator: np.random.Generator) -> PromptSlice:
    """A random slice of a clip, as Coqui's `get_prompt_slice` draws it.

    Between the least and the greatest conditioning length; half of the clip where it is shorter than what
    was drawn. The start is moved down to a frame, by less than 12 ms, so that the mel computed once will do.
    """
    length = int(generator.integers(lengths.minimum, lengths.maximum, endpoint=True))
    if samples < length:
        length = samples // 2
    start = int(generator.integers(0, samples - length, endpoint=True))
    return PromptSlice(start // HOP * HOP, length)


def collate_training(
    items: Sequence[Item],
    generator: np.random.Generator,
    lengths: ConditioningLengths,
    silence: NDArray[np.float32],
    piece: Piece | None = None,
) -> GptBatch:
    """A training batch, each clip conditioned on a random slice of itself.

    silence     float32 (80,), the mel of zeros, which fills up each slice to the greatest length
    generator   all randomness; `batches.step_generator` gives the one of a step
    piece       the part that is wanted: its clips come out as they are in the whole batch, with the same padding
    """
    slices = [draw_prompt_slice(item.samples, lengths, generator) for item in items]
    mels = [item.conditioning[:, part.frames] for item, part in zip(items, slices, strict=True)]
    full = lengths.maximum // HOP + 1
    # One frame of the silence that fills up the longest slice is enough: the GPT hears how often it is there.
    frames = min(rounded_up(max(mel.shape[1] for mel in mels) + 1, FRAME_GRAIN), full)
    first, last = (piece.first, piece.last) if piece is not None else (0, len(items))
    conditioning = np.empty((last - first, MEL_CHANNELS, frames), dtype=np.float32)
    conditioning[:] = silence[:, None]
    for row, mel in zip(conditioning, mels[first:last], strict=True):
        row[:, : mel.shape[1]] = mel
    prompts = [part.codes for part in slices]
    wanted = torch.tensor(prompts[first:last], dtype=torch.int64)
    batch = _batch(items, conditioning, full - frames + 1, wanted, first, last)
    return batch if piece is None else replace(batch, part_of=_whole(items, prompts, piece))


def _whole(items: Sequence[Item], prompts: Sequence[tuple[int, int]], piece: Piece) -> PartOf:
    """What a part has to know of its batch."""
    if piece.idle:
        return PartOf(piece.number, piece.first, math.inf, math.inf, math.inf, 0)
    codes = [len(item.codes) for item in items]
    ends = zip(codes, prompts, strict=True)
    heard = sum(max(0, min(length, after) - first) for length, (first, after) in ends)
    text_tokens = sum(len(item.text) + 1 for item in items)
    mel_tokens = sum(codes) + STOP_TOKENS * len(codes)
    return PartOf(piece.number, piece.first, len(items), text_tokens, mel_tokens, heard)


def collate_eval(items: Sequence[Item]) -> GptBatch:
    """An eval batch, each clip conditioned as stock's evaluation does; the same every time.

    Raises ValueError for an item that is not of the eval set.
    """
    mels = [item.eval_conditioning for item in items if item.eval_conditioning is not None]
    if len(mels) != len(items):
        raise ValueError("an eval batch can only have clips of the eval set")
    conditioning = np.stack(mels)
    same = (conditioning == conditioning[:, :, -1:]).all(axis=(0, 1))
    silent = len(same) if same.all() else int(same[::-1].argmin())  # frames at the end of all of them
    frames = min(rounded_up(len(same) - silent + 1, FRAME_GRAIN), len(same))
    return _batch(items, conditioning[:, :, :frames], len(same) - frames + 1, None, 0, len(items))


def _batch(
    items: Sequence[Item],
    conditioning: NDArray[np.float32],
    last_frame_counts: int,
    prompts: Tensor | None,
    first: int,
    last: int,
) -> GptBatch:
    """The items from `first` to `last`, padded and laid out as all of them are."""
    text, text_lengths = _padded([item.text for item in items], first, last)
    codes, code_lengths = _padded([item.codes for item in items], first, last)
    mels = torch.from_numpy(np.ascontiguousarray(conditioning))
    batch = GptBatch(text, text_lengths, codes, code_lengths, mels, prompts, last_frame_counts)
    return batch.laid_out(max(len(item.text) + 1 + len(item.codes) + STOP_TOKENS for item in items))


def _padded(rows: Sequence[NDArray[np.int32] | NDArray[np.int16]], first: int, last: int) -> tuple[Tensor, Tensor]:
    """Some of many rows as int64 (b, longest of all) with their lengths (b,)."""
    wanted = rows[first:last]
    padded = np.zeros((len(wanted), max(len(row) for row in rows)), dtype=np.int64)
    for place, row in zip(padded, wanted, strict=True):
        place[: len(row)] = row
    return torch.from_numpy(padded), torch.tensor([len(row) for row in wanted], dtype=torch.int64)
