"""Cutting a text into pieces that the model can say in one pass.

Follows Coqui's `split_sentence` (whole sentences packed up to the language's limit of characters, a longer
sentence wrapped between words), with sentence ends found by a pattern: Coqui asks spaCy for them, which is an
optional dependency of several hundred MB, and the same text must be cut the same way on every machine.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator

from xtts_finetune.errors import UserError

# A sentence ends at its mark with any closing quotes, if a space follows; Chinese and Japanese need no space.
_SENTENCE_END = re.compile(r"""[.!?…।۔؟]+["'”’»)\]]*\s+|[。！？]+[”’」』）]*\s*""")


def split_text(text: str, char_limit: int, fits: Callable[[str], bool]) -> tuple[str, ...]:
    """Pieces of `text`, in order, each at most `char_limit` characters and accepted by `fits`.

    Only spaces at the cuts are lost. Raises UserError if there is nothing to say, or if not even one
    character fits.
    """
    text = " ".join(text.split())
    if not text:
        raise UserError("utterances: a text has nothing to say; give it at least one word")
    pieces = [text] if len(text) < char_limit else _packed(text, char_limit)
    return tuple(part for piece in pieces for part in _fitting(piece, fits))


def sentences(text: str) -> list[str]:
    """The sentences of `text`, without the spaces between them."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    starts = [0, *ends]
    cuts = zip(starts, [*ends, len(text)], strict=True)
    return [sentence for start, end in cuts if (sentence := text[start:end].strip())]


def _packed(text: str, char_limit: int) -> list[str]:
    """Whole sentences while they fit together; a sentence over the limit is wrapped between words."""
    pieces: list[str] = []
    for sentence in sentences(text):
        if pieces and len(pieces[-1]) + 1 + len(sentence) <= char_limit:
            pieces[-1] += " " + sentence
        elif len(sentence) > char_limit:
            pieces += textwrap.wrap(sentence, width=char_limit, break_on_hyphens=False, tabsize=1)
        else:
            pieces.append(sentence)
    return pieces


def _fitting(piece: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """`piece` itself, or its halves, cut at the space nearest to the middle, until all fit."""
    if fits(piece):
        yield piece
        return
    if len(piece) < 2:
        raise UserError(
            f"utterances: {piece!r} alone has more text tokens than this base can take; leave it out"
        )
    middle = len(piece) // 2
    spaces = [place for place, character in enumerate(piece) if character == " "]
    cut = min(spaces, key=lambda place: abs(place - middle), default=middle)
    yield from _fitting(piece[:cut].strip(), fits)
    yield from _fitting(piece[cut:].strip(), fits)
