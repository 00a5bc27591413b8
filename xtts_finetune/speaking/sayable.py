"""Whether a model can say a text in one of its voices, as far as that is told in no time and before it is loaded."""

from __future__ import annotations

from xtts_finetune.speaking.speaking_models import SpeakingModel
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.spec.utterances import has_words
from xtts_finetune.xtts.cleaning import foreseen_problem
from xtts_finetune.xtts.speakable import foreseen_unspeakable


def no_words(text: str) -> str | None:
    """Why there is nothing to say, or None."""
    if has_words(text):
        return None
    found = "there is no letter or digit in the text" if text.strip() else "the text is empty"
    return f"there is nothing to say: {found}; give at least one word"


def no_such_voice(model: SpeakingModel, voice: str | None) -> str | None:
    """Why `voice` cannot be had, or None; a voice of None is the model's own."""
    if voice is None or voice in model.voices:
        return None
    return f"there is no voice '{voice}'; this model has {', '.join(model.voices)}"


def unspeakable(model: SpeakingModel, text: str, language: str) -> str | None:
    """What keeps the model from saying `text`, to follow 'it cannot be spoken'; None for nothing."""
    if problem := foreseen_problem(text, language):
        return f": {problem}"
    if unknown := foreseen_unspeakable(text, language, model.vocab):
        return f" in {LANGUAGES[language]}: the model knows {unknown}"
    return None
