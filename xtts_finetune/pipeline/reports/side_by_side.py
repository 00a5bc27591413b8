"""Two versions of a clip's text word by word, as DATA.html shows them: what differs is marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from xtts_finetune.data.hearing.normalised import same_words, split, words_of
from xtts_finetune.pipeline.reports.data_report_model import Piece, Reading
from xtts_finetune.records.clips import ClipRecord


def is_read_otherwise(clip: ClipRecord) -> bool:
    """Whether words of the text are other ones for the model; case, marks and spaces do not count."""
    return _bare(clip.text) != _bare(clip.normalised)


def reading(clip: ClipRecord) -> Reading:
    """The two texts, with the words that differ."""
    written, seen = _side_by_side(clip.text.split(), clip.normalised.split())
    return Reading(clip.language, clip.dataset, f"{clip.file.name}:{clip.line}", written, seen)


def heard_otherwise(clip: ClipRecord, heard: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """The text and what was heard; words that are written differently and spoken alike are the same."""
    words = split(clip.text, clip.language), split(heard, clip.language)
    return _side_by_side(
        *words,
        key=lambda word: "".join(words_of(word, clip.language)),
        alike=lambda left, right: same_words(left, right, clip.language),
    )


def _side_by_side(
    written: Sequence[str],
    seen: Sequence[str],
    key: Callable[[str], str] = lambda word: _bare(word),
    alike: Callable[[Sequence[str], Sequence[str]], bool] = lambda left, right: False,
) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    same = SequenceMatcher(None, list(map(key, written)), list(map(key, seen)), autojunk=False)
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, start, end, from_, to in same.get_opcodes():
        changed = tag != "equal" and not alike(written[start:end], seen[from_:to])
        left += _piece(written[start:end], changed)
        right += _piece(seen[from_:to], changed)
    return tuple(left), tuple(right)


def _piece(words: Sequence[str], changed: bool) -> list[Piece]:
    return [Piece(" ".join(words), changed)] if words else []


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())
