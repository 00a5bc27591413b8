"""What each of several processes computes of a step: about as many positions, clip beside clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xtts_finetune.data.buckets import Lengths


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
