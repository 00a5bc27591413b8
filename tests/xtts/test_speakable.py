"""Which texts a model can say, by its vocabulary."""

from __future__ import annotations

import pytest

from tests.child import heavy_after
from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.speakable import foreseen_unspeakable, unspeakable_characters
from xtts_finetune.xtts.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer(tiny_base: BaseFiles) -> Tokenizer:
    return Tokenizer(tiny_base.vocab)


@pytest.mark.parametrize("text", ["Hello.", "7", "It is 12.", "Good — morning"])
def test_a_text_that_it_knows_can_be_said(text: str, tokenizer: Tokenizer) -> None:
    assert not [each for each in unspeakable_characters(text, "en", tokenizer) if each.isalnum()]


def test_letters_that_it_does_not_know_are_named_once(tokenizer: Tokenizer) -> None:
    assert unspeakable_characters("Hello 你 and 你, 好.", "en", tokenizer) == ["你", "好"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("你好!", r"when it speaks English, this model knows none of the letters of the text \(你好\)"),
        ("٣", r"none of the digits of the text \(٣\).*write the number in words"),
        ("½", r"none of the digits of the text \(½\)"),
        ("你 ٣", r"none of the letters and digits of the text \(你٣\)"),
        ('"..."', "nothing of the text can be spoken"),
    ],
)
def test_a_text_that_it_cannot_say_is_refused(text: str, said: str, tokenizer: Tokenizer) -> None:
    with pytest.raises(UserError, match=said):
        unspeakable_characters(text, "en", tokenizer)


@pytest.mark.parametrize(
    ("text", "language"),
    [("Привет.", "en"), ("Привет.", "ru"), ("مرحبا", "ar"), ("٣", "en"), ("½", "hu"), ("Hello.", "en"), ("7", "de"),
     ("Привет 7", "en"), ("Привет & 世", "en"), ("50 %", "en"), ("你好", "zh-cn"), ("你好 a", "en"), ("!?", "en")],
)  # fmt: skip
def test_what_is_foreseen_is_what_the_cleaner_finds(
    text: str, language: str, tokenizer: Tokenizer, tiny_base: BaseFiles
) -> None:
    foreseen = foreseen_unspeakable(text, language, tiny_base.vocab)
    try:
        unspeakable_characters(text, language, tokenizer)
        found = None
    except UserError as error:
        found = str(error)
    if foreseen is not None:
        assert found is not None and found.endswith(foreseen)
    else:
        assert found is None or "this model knows none" not in found or "&" in text


def test_foreseeing_needs_no_torch(tiny_base: BaseFiles) -> None:
    code = (
        "import sys; from pathlib import Path; from xtts_finetune.xtts.speakable import foreseen_unspeakable\n"
        "assert foreseen_unspeakable('مرحبا', 'ar', Path(sys.argv[1]))"
    )
    assert not heavy_after(code, tiny_base.vocab) & {"torch", "TTS"}


def test_a_number_beyond_all_names_is_refused_in_words(tokenizer: Tokenizer) -> None:
    with pytest.raises(UserError, match="the text cannot be spoken in English: XTTS cannot read"):
        unspeakable_characters("9" * 400, "en", tokenizer)
