"""What the tokenizer will make of a text, as far as it can be told without torch and Coqui's package.

Coqui's cleaner writes numbers, signs and abbreviations out, and Chinese, Japanese and Korean in Latin letters. Numbers
are foreseen (`cleaning.read_numbers`); signs that it writes out are left out here; texts of those languages count as
readable, whatever they hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.cleaning import read_numbers, reads_numbers, without_region
from xtts_finetune.xtts.weights.vocabulary_file import read_text_of_base

if TYPE_CHECKING:
    from tokenizers import Tokenizer as TokenizerOfText

# What Coqui's cleaner writes out as a word in any language.
SIGNS = str.maketrans(dict.fromkeys("&@%#$£°€", " "))
IN_LATIN = ("zh", "ja", "ko")


def token_of(language: str) -> str:
    """The token that begins a text: '[en]', and '[zh-cn]' for Chinese."""
    name = without_region(language)
    return f"[{'zh-cn' if name == 'zh' else name}]"


class ForeseenTokenizer:
    """Text to tokens as a base's vocabulary has them; without one (None) every text passes."""

    def __init__(self, vocab: Path | None) -> None:
        self._tokenizer = None if vocab is None else read_tokenizer(vocab)

    def speaks(self, language: str) -> bool:
        """Whether the base knows the language."""
        return self._tokenizer is None or self._tokenizer.token_to_id(token_of(language)) is not None

    def normalised(self, text: str, language: str) -> str:
        """About what the model will see; raises what num2words raises for a number that it cannot read."""
        code = without_region(language)
        whole = read_numbers(text, code) if reads_numbers(code) else text.lower().replace('"', "")
        return " ".join(whole.translate(SIGNS).split())

    def encode(self, text: str, language: str) -> list[int]:
        """About the tokens of the text; none where they cannot be foreseen."""
        if self._tokenizer is None or without_region(language) in IN_LATIN:
            return []
        cleaned = token_of(language) + self.normalised(text, language)
        return [int(token) for token in self._tokenizer.encode(cleaned.replace(" ", "[SPACE]")).ids]

    def unknown_characters(self, text: str, language: str) -> list[str]:
        """Characters that the vocabulary lacks, each once, in order."""
        known = {} if self._tokenizer is None else self._tokenizer.get_vocab()
        return [each for each in dict.fromkeys(self.normalised(text, language)) if each != " " and each not in known]


def read_tokenizer(vocab: Path) -> TokenizerOfText:
    """The tokenizer of a base's vocabulary file. Raises UserError if the file is not one."""
    from tokenizers import Tokenizer as TokenizerOfText  # noqa: PLC0415  (a third of a second)

    text = read_text_of_base(vocab, "fetch it again")
    try:
        return TokenizerOfText.from_str(text)
    except Exception as error:  # the tokenizers library raises plain Exception
        raise UserError(f"{vocab}: this is not the vocabulary of an XTTS base ({error}); fetch it again") from None
