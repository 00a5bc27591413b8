"""XTTS's text tokenizer: the base's vocabulary behind Coqui's cleaners."""

from __future__ import annotations

from pathlib import Path

from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

from xtts_finetune.xtts.cleaning import without_region
from xtts_finetune.xtts.foreseen_tokenizer import read_tokenizer, token_of

UNKNOWN_TOKEN = 1


def load_vocabulary(vocab: Path) -> VoiceBpeTokenizer:
    """Coqui's tokenizer with a base's vocabulary. Raises UserError if the file is not one."""
    coqui = VoiceBpeTokenizer()
    coqui.tokenizer = read_tokenizer(vocab)
    return coqui


class Tokenizer:
    """Text to tokens as XTTS does it: cleaned for the language, lower case, numbers spelled out."""

    def __init__(self, vocab: Path) -> None:
        self.coqui = load_vocabulary(vocab)

    def encode(self, text: str, language: str) -> list[int]:
        """Tokens of `text`, without start and stop. Raises NotImplementedError for a language XTTS lacks."""
        return [int(token) for token in self.coqui.encode(text.strip(), language)]

    def normalised(self, text: str, language: str) -> str:
        """The text that the model will see."""
        return str(self.coqui.preprocess_text(text.strip(), without_region(language)))

    def speaks(self, language: str) -> bool:
        """Whether the base knows the language: its vocabulary has the token that names it."""
        return self.coqui.tokenizer.token_to_id(token_of(language)) is not None

    def unknown_characters(self, text: str, language: str) -> list[str]:
        """Characters of the cleaned text that the vocabulary lacks, each once, in order."""
        if UNKNOWN_TOKEN not in self.encode(text, language):
            return []
        known = self.coqui.tokenizer.get_vocab()
        cleaned = dict.fromkeys(self.normalised(text, language))
        return [character for character in cleaned if character != " " and character not in known]
