"""Which texts a model can say, by its vocabulary."""

from __future__ import annotations

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.speakable import unspeakable_characters
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
        ("你好!", "knows none of the letters of the text when it speaks English"),
        ('"..."', "nothing that can be said"),
    ],
)
def test_a_text_that_it_cannot_say_is_refused(text: str, said: str, tokenizer: Tokenizer) -> None:
    with pytest.raises(UserError, match=said):
        unspeakable_characters(text, "en", tokenizer)


def test_a_number_beyond_all_names_is_refused_in_words(tokenizer: Tokenizer) -> None:
    with pytest.raises(UserError, match="the text cannot be spoken in English: XTTS cannot read"):
        unspeakable_characters("9" * 400, "en", tokenizer)
