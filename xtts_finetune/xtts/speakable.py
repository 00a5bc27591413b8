"""Cutting a text into pieces that the model can say in one pass.

Follows Coqui's `split_sentence` (whole sentences packed up to the language's limit of characters, a longer
sentence wrapped between words), with sentence ends found by a pattern: Coqui asks spaCy for them, which is an
optional dependency of several hundred MB, and the same text must be cut the same way on every machine.

Whether a model can say a text: what its cleaners leave of it, and which of that its vocabulary knows.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from xtts_finetune.errors import UserError
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.spec.utterances import has_words
from xtts_finetune.xtts.cleaning import cleaning_problem, language_fault, read_numbers, reads_numbers
from xtts_finetune.xtts.weights.vocabulary_file import read_vocabulary

if TYPE_CHECKING:
    from xtts_finetune.xtts.tokenizer import Tokenizer

MOST_NAMED = 20
# What the cleaner may turn into words: then what is left of a text is not told by its own characters.
_SPELLED_OUT = re.compile(r"[&@%#$£€°]")


def unspeakable_characters(text: str, language: str, tokenizer: Tokenizer) -> list[str]:
    """The characters of `text` that the model does not know and will say nothing, or anything, for; each once.

    Raises UserError if the text cannot be cleaned for the language, or if nothing that it knows is left.
    """
    name = LANGUAGES.get(language, language)
    try:
        cleaned = tokenizer.normalised(text, language)
    except Exception as error:  # Coqui's cleaners raise whatever their libraries do
        problem = language_fault(language) or cleaning_problem(text, language) or f"{type(error).__name__}: {error}"
        raise UserError(f"the text cannot be spoken in {name}: {problem}") from None
    vocabulary = tokenizer.coqui.tokenizer.get_vocab()
    if not has_words(cleaned):
        raise UserError(f"nothing of the text can be spoken in {name}; write it in words")
    if (unknown := _nothing_known(cleaned, vocabulary)) is not None:
        raise UserError(f"when it speaks {name}, this model knows {unknown}")
    return [character for character in dict.fromkeys(cleaned) if character != " " and character not in vocabulary]


def foreseen_unspeakable(text: str, language: str, vocab: Path) -> str | None:
    """'none of the letters of the text (привет); ...' where a model with this vocab.json knows none; else None.

    As `unspeakable_characters` finds it, without torch or Coqui's package: nothing is said where only their cleaner
    can tell, as of Chinese, Japanese and Korean texts, which it spells in Latin letters, and of signs that it reads
    out. Raises UserError if vocab.json is none.
    """
    code = language.split("-")[0]
    if not reads_numbers(code) or code == "ko" or _SPELLED_OUT.search(text):
        return None
    try:
        cleaned = read_numbers(text.strip(), code)
    except Exception:  # as num2words likes; `foreseen_problem` says what it is
        return None
    return _nothing_known(cleaned, set(read_vocabulary(vocab).by_number.values()))


def _nothing_known(cleaned: str, vocabulary: Collection[str]) -> str | None:
    """What of a cleaned text the vocabulary does not know, where that is every letter and digit of it; else None."""
    unknown = [each for each in dict.fromkeys(cleaned) if each != " " and each not in vocabulary]
    if not has_words(cleaned) or has_words("".join(each for each in cleaned if each not in unknown)):
        return None
    said = [each for each in unknown if has_words(each)]
    named = "".join(said[:MOST_NAMED])
    if all(unicodedata.category(each)[0] == "N" for each in said):
        return f"none of the digits of the text ({named}), and XTTS does not read them out; write the number in words"
    what = "letters" if not any(unicodedata.category(each)[0] == "N" for each in said) else "letters and digits"
    return f"none of the {what} of the text ({named}); check that the language is right"


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
        raise UserError(f"utterances: {piece!r} alone has more text tokens than this base can take; leave it out")
    middle = len(piece) // 2
    spaces = [place for place, character in enumerate(piece) if character == " "]
    cut = min(spaces, key=lambda place: abs(place - middle), default=middle)
    yield from _fitting(piece[:cut].strip(), fits)
    yield from _fitting(piece[cut:].strip(), fits)
