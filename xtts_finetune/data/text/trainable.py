"""Whether a clip's text can be trained on, and if not, why; and what the model will see of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from xtts_finetune.data.cache import ClipCache
from xtts_finetune.data.readers import RawClip
from xtts_finetune.errors import UserError
from xtts_finetune.records.clips import DropReason
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.xtts.cleaning import cleaning_problem, foreseen_problem, language_fault, package_problem


class Unusable(Exception):
    """A clip that has to be left out."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


UNKNOWN_TOKEN = 1
NAMED_CHARACTERS = 10


class TextEncoder(Protocol):
    """Text to tokens; xtts.tokenizer.Tokenizer."""

    def encode(self, text: str, language: str) -> list[int]: ...

    def normalised(self, text: str, language: str) -> str: ...

    def unknown_characters(self, text: str, language: str) -> list[str]: ...

    def speaks(self, language: str) -> bool: ...


@dataclass(frozen=True)
class Text:
    """A text that can be trained on: how many tokens it has, and what the model sees."""

    tokens: int
    normalised: str


@dataclass(frozen=True)
class TextCheck:
    """Checks one text after the other. `declared` has each data set's language as it is declared."""

    max_tokens: int
    tokenizer: TextEncoder
    cache: ClipCache | None
    declared: Mapping[str, str]
    # Libraries behind Coqui's cleaners keep what they work on in themselves: num2words its decimal places, say.
    _turn: Lock = field(default_factory=Lock, init=False, repr=False)

    def check(self, raw: RawClip) -> Text:
        """The text of a clip; its tokens are kept in the cache, if there is one.

        Raises Unusable for a text that cannot be used, UserError if the declared language is none of XTTS's or
        if packages that it needs are not installed.
        """
        if not raw.text.strip():
            raise Unusable(DropReason.EMPTY_TEXT, "the line has no text")
        self._check_language(raw)
        kept = None if self.cache is None else self.cache.text(raw.text, raw.language)
        with self._turn:
            normalised = self._normalised(raw)
            tokens = self._encode(raw) if kept is None else kept.tolist()
        count = len(tokens)
        if count > self.max_tokens:
            raise Unusable(DropReason.TOO_MANY_TOKENS, f"{count} tokens, at most {self.max_tokens}")
        if kept is None and self.cache is not None:
            self.cache.add_text(raw.text, raw.language, tokens)
        return Text(count, normalised)

    def _check_language(self, raw: RawClip) -> None:
        if raw.language not in LANGUAGES:
            self._refuse(raw)
        if not self.tokenizer.speaks(raw.language):
            detail = f"the base's vocabulary has no '{raw.language}'"
            raise Unusable(DropReason.UNKNOWN_LANGUAGE, detail)

    def _refuse(self, raw: RawClip) -> None:
        """A language that is none of XTTS's: the declaration is wrong if it says so, else the one line."""
        if raw.language == self.declared[raw.dataset]:
            raise UserError(
                f"data set '{raw.dataset}': XTTS cannot read texts in the language '{raw.language}'; "
                "correct 'language' in pipeline.yaml"
            )
        raise Unusable(DropReason.UNKNOWN_LANGUAGE, f"XTTS cannot read '{raw.language}'")

    def _normalised(self, raw: RawClip) -> str:
        try:
            return self.tokenizer.normalised(raw.text, raw.language)
        except Exception as error:  # Coqui's cleaners raise whatever their libraries do
            if (fault := language_fault(raw.language)) is not None:
                raise UserError(f"data set '{raw.dataset}': {fault}") from None
            problem = cleaning_problem(raw.text, raw.language) or f"{type(error).__name__}: {error}"
            raise Unusable(DropReason.UNREADABLE_TEXT, problem[:300]) from None

    def _encode(self, raw: RawClip) -> list[int]:
        tokens = self.tokenizer.encode(raw.text, raw.language)
        if UNKNOWN_TOKEN in tokens:
            raise Unusable(DropReason.UNKNOWN_CHARACTERS, self._unknown(raw))
        return tokens

    def _unknown(self, raw: RawClip) -> str:
        """The characters that the vocabulary lacks, named."""
        unknown = self.tokenizer.unknown_characters(raw.text, raw.language)
        names = [f"'{character}' (U+{ord(character):04X})" for character in unknown[:NAMED_CHARACTERS]]
        more = [f"and {len(unknown) - NAMED_CHARACTERS} more"] if len(unknown) > NAMED_CHARACTERS else []
        # Not a single character but a mark of several may be what the vocabulary lacks.
        return ", ".join(names + more) or f"the text in the language '{raw.language}'"


@dataclass(frozen=True)
class ForeseenTextCheck(TextCheck):
    """The same checks as far as they can be told without torch, before anything is prepared.

    Of a language whose packages are not installed every text passes: what can be read is not known yet.
    """

    def _normalised(self, raw: RawClip) -> str:
        if package_problem(raw.language):
            return raw.text
        if (problem := foreseen_problem(raw.text, raw.language)) is not None:
            raise Unusable(DropReason.UNREADABLE_TEXT, problem[:300])
        return self.tokenizer.normalised(raw.text, raw.language)
