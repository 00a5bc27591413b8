"""What is foreseen of a text without torch agrees with what the tokenizer makes of it; vocab.json as people have it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

from xtts_finetune.xtts.base import BaseFiles, find_base
from xtts_finetune.xtts.foreseen_tokenizer import ForeseenTokenizer
from xtts_finetune.xtts.tokenizer import UNKNOWN_TOKEN, Tokenizer
from xtts_finetune.xtts.weights.vocabulary_file import copy_vocabulary, write_vocabulary_for_all

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


def test_a_shipped_vocabulary_is_read_by_programs_of_any_age(tmp_path: Path) -> None:
    """An older `tokenizers` refuses merges as pairs; the same text gives the same tokens in either form."""
    base = find_base(str(Path(__file__).parents[2] / "samples" / "demo" / "base"))
    vocabulary = json.loads(base.vocab.read_text(encoding="utf-8"))
    assert isinstance(vocabulary["model"]["merges"][0], list), "this test has nothing to show"
    shipped = tmp_path / "vocab.json"
    write_vocabulary_for_all(base.vocab, shipped)
    merges = json.loads(shipped.read_text(encoding="utf-8"))["model"]["merges"]
    assert all(isinstance(merge, str) and merge.count(" ") == 1 for merge in merges)
    texts = ("The quick brown fox, 42 of them!", "jumps over", "été naïve")
    one, other = (VoiceBpeTokenizer(vocab_file=str(path)) for path in (base.vocab, shipped))
    assert [one.encode(text, "en") for text in texts] == [other.encode(text, "en") for text in texts]
    again = tmp_path / "again.json"
    write_vocabulary_for_all(shipped, again)
    assert again.read_bytes() == shipped.read_bytes()
    with_a_space = {**vocabulary, "model": {**vocabulary["model"], "merges": [["a b", "c"]]}}
    odd = tmp_path / "odd.json"
    odd.write_text(json.dumps(with_a_space), encoding="utf-8")
    write_vocabulary_for_all(odd, again)
    assert again.read_bytes() == odd.read_bytes(), "joined with a space it would be another merge"
