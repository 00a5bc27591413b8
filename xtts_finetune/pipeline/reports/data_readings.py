"""What the model sees of a text, beside what was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from xtts_finetune.pipeline.reports.data_model import Piece, Reading
from xtts_finetune.records.clips import ClipRecord


def is_read_otherwise(clip: ClipRecord) -> bool:
    """Whether words of the text are other ones for the model; case, marks and spaces do not count."""
    return _bare(clip.text) != _bare(clip.normalised)


def reading(clip: ClipRecord) -> Reading:
    """The two texts, with the words that differ."""
    written, seen = clip.text.split(), clip.normalised.split()
    same = SequenceMatcher(
        None, [_bare(word) for word in written], [_bare(word) for word in seen], autojunk=False
    )
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, start, end, from_, to in same.get_opcodes():
        left += _piece(written[start:end], tag != "equal")
        right += _piece(seen[from_:to], tag != "equal")
    return Reading(clip.language, clip.dataset, f"{clip.file.name}:{clip.line}", tuple(left), tuple(right))


def _piece(words: Sequence[str], changed: bool) -> list[Piece]:
    return [Piece(" ".join(words), changed)] if words else []


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())
