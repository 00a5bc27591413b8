"""How a long text is cut into pieces."""

from __future__ import annotations

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.speakable import sentences, split_text


def anything(_piece: str) -> bool:
    return True


def at_most(characters: int):  # type: ignore[no-untyped-def]
    return lambda piece: len(piece) <= characters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 3.50 today. Good.", ["It costs 3.50 today.", "Good."]),
        ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
        ("你好。再见！", ["你好。", "再见！"]),
        ("No mark at all", ["No mark at all"]),
    ],
)
def test_sentences_end_at_their_marks(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("Yes.", 250, ("Yes.",)),
        ("One two. Three four. Five six.", 21, ("One two. Three four.", "Five six.")),
        ("One two. Three four. Five six.", 9, ("One two.", "Three", "four.", "Five six.")),
        ("a " * 30, 20, ("a a a a a a a a a a",) * 3),
        ("  One  \n two ", 250, ("One two",)),
    ],
)
def test_whole_sentences_are_packed_up_to_the_limit(text: str, limit: int, pieces: tuple[str, ...]) -> None:
    assert split_text(text, limit, anything) == pieces


def test_a_piece_with_too_many_tokens_is_halved_between_words() -> None:
    pieces = split_text("alpha beta gamma delta", 250, at_most(11))
    assert pieces == ("alpha beta", "gamma delta")


def test_a_single_word_with_too_many_tokens_is_cut_inside() -> None:
    assert split_text("abcdefgh", 250, at_most(3)) == ("ab", "cd", "ef", "gh")


@pytest.mark.parametrize("limit", [5, 17, 60, 250])
def test_nothing_but_spaces_is_lost(limit: int) -> None:
    text = "The first sentence is here. A second one, with commas, follows! " * 5 + "Incomprehensibilities."
    pieces = split_text(text, limit, at_most(40))
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert all(len(piece) <= min(limit, 40) for piece in pieces)


@pytest.mark.parametrize("text", ["", "  \n "])
def test_a_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="nothing to say"):
        split_text(text, 250, anything)


def test_a_character_that_never_fits_is_refused() -> None:
    with pytest.raises(UserError, match="more text tokens"):
        split_text("ab", 250, at_most(0))
