"""Clips of like length into one batch, so that little of it is padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONDITIONING_TOKENS = 32  # what XTTS's perceiver makes of the voice, before text and sound
# A text has a start token in front, a sound a start token and, after it, three stop tokens (xtts.losses).
EXTRA_TOKENS = 1 + 4


@dataclass(frozen=True, eq=False)
class Lengths:
    """Tokens of every clip: `text` and `codes`, both int (clips,), without start and stop."""

    text: NDArray[np.int64]
    codes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.text)

    @property
    def tokens(self) -> NDArray[np.int64]:
        """int (clips,): positions that the GPT sees of a clip alone."""
        return self.text + self.codes + CONDITIONING_TOKENS + EXTRA_TOKENS

    def padded(self, clips: NDArray[np.int64]) -> int:
        """Positions that the GPT computes for these clips in one batch, padding included."""
        longest = int(self.text[clips].max()) + int(self.codes[clips].max())
        return (longest + CONDITIONING_TOKENS + EXTRA_TOKENS) * len(clips)


def sorted_in_windows(clips: NDArray[np.int64], lengths: Lengths, window: int) -> NDArray[np.int64]:
    """The clips, each `window` of them sorted by length: random still from window to window."""
    # Sound first: it makes most of the length, and texts of equally long sounds are about as long.
    ranks = lengths.codes * 1000 + lengths.text
    parts = [clips[start : start + window] for start in range(0, len(clips), window)]
    return np.concatenate([part[np.argsort(ranks[part], kind="stable")] for part in parts])


def cut(
    clips: NDArray[np.int64], lengths: Lengths, max_tokens: int, most: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Batches of as many clips, taken in their order, as fit into `max_tokens` padded positions.

    A clip that does not fit alone is a batch of its own. `most` bounds the clips of a batch too.
    """
    text, codes = lengths.text[clips].tolist(), lengths.codes[clips].tolist()
    extra = CONDITIONING_TOKENS + EXTRA_TOKENS
    first = longest_text = longest_codes = 0
    for place in range(len(clips)):
        longest_text, longest_codes = max(longest_text, text[place]), max(longest_codes, codes[place])
        count = place + 1 - first
        fits = (longest_text + longest_codes + extra) * count <= max_tokens and (
            most is None or count <= most
        )
        if count > 1 and not fits:
            yield clips[first:place]
            first, longest_text, longest_codes = place, text[place], codes[place]
    if len(clips):
        yield clips[first:]
