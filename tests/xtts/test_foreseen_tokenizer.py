"""What is foreseen of a text without torch agrees with what the tokenizer makes of it; vocab.json as people have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.foreseen_tokenizer import ForeseenTokenizer
from xtts_finetune.xtts.tokenizer import UNKNOWN_TOKEN, Tokenizer
from xtts_finetune.xtts.weights.vocabulary_file import copy_vocabulary

TEXTS = (
    "Good evening, and welcome.",
    "It is 12:30, 3.5 % of 1,200 people came on the 2nd.",
    'He said "no" & left @ once, for $5.',
    "Emoji \U0001f600 here",
    "Привет",
    "naïve café, œuvre",
    "An em dash \u2014 and \u2026",
    "tab\tand\nlines",
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("language", ["en", "hu"])
def test_unknown_characters_are_foreseen(tiny_base: BaseFiles, text: str, language: str) -> None:
    real, foreseen = Tokenizer(tiny_base.vocab), ForeseenTokenizer(tiny_base.vocab)
    assert foreseen.speaks(language) == real.speaks(language)
    if not real.speaks(language):
        return
    unknown = UNKNOWN_TOKEN in real.encode(text, language)
    assert (UNKNOWN_TOKEN in foreseen.encode(text, language)) == unknown
    if unknown:
        assert foreseen.unknown_characters(text, language) == real.unknown_characters(text, language)


def test_without_a_vocabulary_every_text_passes() -> None:
    foreseen = ForeseenTokenizer(None)
    assert foreseen.speaks("cs") and foreseen.encode("Привет", "en") == []


def test_a_copied_vocabulary_has_no_byte_order_mark(tiny_base: BaseFiles, tmp_path: Path) -> None:
    """Some editors write one, and stock XTTS tools cannot read the file then."""
    marked = tmp_path / "marked.json"
    marked.write_bytes(b"\xef\xbb\xbf" + tiny_base.vocab.read_bytes())
    copy_vocabulary(marked, tmp_path / "vocab.json")
    assert (tmp_path / "vocab.json").read_bytes() == tiny_base.vocab.read_bytes()
    assert VoiceBpeTokenizer(vocab_file=str(tmp_path / "vocab.json")).tokenizer.get_vocab_size() > 0
