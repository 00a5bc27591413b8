"""Whether a model can say a text: what its cleaners leave of it, and which of that its vocabulary knows."""

from __future__ import annotations

from xtts_finetune.errors import UserError
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.spec.utterances import has_words
from xtts_finetune.xtts.cleaning import cleaning_problem, language_fault
from xtts_finetune.xtts.tokenizer import Tokenizer


def unspeakable_characters(text: str, language: str, tokenizer: Tokenizer) -> list[str]:
    """The characters of `text` that the model does not know and will say nothing, or anything, for; each once.

    Raises UserError if the text cannot be cleaned for the language, or if nothing that it knows is left.
    """
    name = LANGUAGES.get(language, language)
    try:
        cleaned = tokenizer.normalised(text, language)
    except Exception as error:  # Coqui's cleaners raise whatever their libraries do
        problem = (
            language_fault(language) or cleaning_problem(text, language) or f"{type(error).__name__}: {error}"
        )
        raise UserError(f"the text cannot be spoken in {name}: {problem}") from None
    vocabulary = tokenizer.coqui.tokenizer.get_vocab()
    unknown = [
        character for character in dict.fromkeys(cleaned) if character != " " and character not in vocabulary
    ]
    known = "".join(character for character in cleaned if character not in unknown)
    if has_words(known):
        return unknown
    if not has_words(cleaned):
        raise UserError(f"nothing that can be said in {name} is left of the text; write its words out")
    raise UserError(
        f"this model knows none of the letters of the text when it speaks {name} ({''.join(unknown[:20])}); "
        "is --language the language of the text?"
    )
