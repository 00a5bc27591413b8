"""Which words of two texts belong to each other, of any length: first what is plainly the same, then what is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rapidfuzz.distance import Indel, Levenshtein
from rapidfuzz.process import cdist

# Words in a row that two texts share by no chance; what lies between such rows is compared word by word.
_ROW = 4
_MOST_CELLS = 100_000
# Prices: the same word, another one from nearly the same to wholly unlike, a gap, and each word in it.
_SAME, _NEARLY, _UNLIKE, _GAP, _IN_GAP = -1.0, 0.2, 1.9, 0.8, 0.5
# From this likeness on, two words stand for each other.
_ALIKE = 0.5

Pair = tuple[int, int, bool]


def compare(left: Sequence[str], right: Sequence[str]) -> list[Pair]:
    """Pairs of positions (in the left, in the right, whether they are the same) that rise in both.

    Words are to be given as they are compared; empty ones belong to none.
    """

    pairs: list[Pair] = []
    own = said = 0
    for edit in Levenshtein.opcodes(left, right):
        size = edit.src_end - edit.src_start
        if edit.tag != "equal" or size < _ROW:
            continue
        pairs += _between(left, right, (own, edit.src_start), (said, edit.dest_start))
        pairs += [(edit.src_start + number, edit.dest_start + number, True) for number in range(size)]
        own, said = edit.src_end, edit.dest_end
    pairs += _between(left, right, (own, len(left)), (said, len(right)))
    return [(one, other, same) for one, other, same in pairs if left[one] and right[other]]


def likeness(left: str, right: str) -> float:
    """0 to 1: letters that two words have in common in the same order, of all of theirs; 1 for two empty ones."""

    return float(Indel.normalized_similarity(left, right))


def _between(left: Sequence[str], right: Sequence[str], own: tuple[int, int], said: tuple[int, int]) -> Iterator[Pair]:
    """The pairs in two stretches of words; where these are very long, of the same words alone."""
    lefts, rights = left[own[0] : own[1]], right[said[0] : said[1]]
    if not lefts or not rights:
        return
    if len(lefts) * len(rights) > _MOST_CELLS:
        for edit in Levenshtein.opcodes(lefts, rights):
            if edit.tag == "equal":
                for number in range(edit.src_end - edit.src_start):
                    yield own[0] + edit.src_start + number, said[0] + edit.dest_start + number, True
        return
    for one, other in _cheapest(lefts, rights):
        same = lefts[one] == rights[other]
        if same or likeness(lefts[one], rights[other]) >= _ALIKE:
            yield own[0] + one, said[0] + other, same


def _cheapest(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """The pairs of the cheapest comparison, gaps in one piece before many gaps (O. Gotoh, 1982)."""

    alike = cdist(left, right, scorer=Indel.normalized_similarity, dtype=np.float32)
    prices = np.where(alike >= 1, _SAME, _NEARLY + (_UNLIKE - _NEARLY) * (1 - alike)).tolist()
    rows, columns = len(left), len(right)
    # Cheapest so far that ends in a pair, in a gap on the right, in a gap on the left; and where each came from.
    far = float("inf")
    best = [[0.0, far, far]] + [[far, far, _GAP + _IN_GAP * column] for column in range(1, columns + 1)]
    came: list[list[tuple[int, int, int]]] = [[(0, 0, 0)] + [(0, 0, 2)] * columns]
    for row in range(1, rows + 1):
        upper, best = best, [[far, _GAP + _IN_GAP * row, far]]
        steps = [(0, 1, 0)]
        for column in range(1, columns + 1):
            diagonal, above, before = upper[column - 1], upper[column], best[column - 1]
            pair = min(range(3), key=diagonal.__getitem__)
            options = (above[0] + _GAP, above[1], above[2] + _GAP)
            down = min(range(3), key=options.__getitem__)
            others = (before[0] + _GAP, before[1] + _GAP, before[2])
            along = min(range(3), key=others.__getitem__)
            best.append(
                [diagonal[pair] + prices[row - 1][column - 1], options[down] + _IN_GAP, others[along] + _IN_GAP]
            )
            steps.append((pair, down, along))
        came.append(steps)
    pairs = []
    row, column = rows, columns
    state = min(range(3), key=best[columns].__getitem__)
    while row or column:
        previous = came[row][column][state]
        if state == 0:
            pairs.append((row - 1, column - 1))
            row, column = row - 1, column - 1
        elif state == 1:
            row -= 1
        else:
            column -= 1
        state = previous
    return pairs[::-1]
