"""Each clip of a step is computed by one rank, and the ranks have about as much to do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtts_finetune.data.batching.batches import Lengths
from xtts_finetune.data.batching.collate import Piece, pieces_of

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def lengths_of(clips: int, seed: int) -> Lengths:
    generator = np.random.default_rng(seed)
    return Lengths(generator.integers(2, 80, clips), generator.integers(20, 250, clips))


@given(SIZES, st.integers(1, 12), st.integers(0, 99))
def test_every_clip_has_one_rank(sizes: list[int], ranks: int, seed: int) -> None:
    ends = np.cumsum(sizes)
    batches = [list(range(end - size, end)) for size, end in zip(sizes, ends, strict=True)]
    lengths = lengths_of(int(ends[-1]), seed)
    pieces = [pieces_of(batches, lengths, rank, ranks) for rank in range(ranks)]
    computed = [
        clip
        for of_rank in pieces
        for piece in of_rank
        if not piece.idle
        for clip in batches[piece.number][piece.first : piece.last]
    ]
    assert computed == list(range(int(ends[-1])))
    assert all(of_rank for of_rank in pieces)
    padded = [lengths.padded(np.array(batch)) / len(batch) for batch in batches]
    work = [
        sum((piece.last - piece.first) * padded[piece.number] for piece in each if not piece.idle) for each in pieces
    ]
    fair = sum(size * positions for size, positions in zip(sizes, padded, strict=True)) / ranks
    assert max(abs(has - fair) for has in work) <= max(padded) + 1e-6


@pytest.mark.parametrize(
    ("rank", "wanted"),
    [(0, [Piece(0, 0, 1)]), (1, [Piece(0, 0, 1, idle=True)]), (2, [Piece(0, 1, 2)]), (3, [Piece(0, 2, 3)])],
)
def test_three_clips_on_four_ranks(rank: int, wanted: list[Piece]) -> None:
    assert pieces_of([[0, 1, 2]], lengths_of(3, 1), rank, 4) == wanted


def test_a_micro_batch_for_each_rank_is_not_cut() -> None:
    lengths = Lengths(np.full(9, 10), np.full(9, 100))
    batches = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert [pieces_of(batches, lengths, rank, 3) for rank in range(3)] == [[Piece(number, 0, 3)] for number in range(3)]
