"""Times of words that cannot be: a recogniser stretches a word over the music behind it, and squeezes the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xtts_finetune.records.stretches import Word

# As long as a word is at most, with so much for each letter; words with less between them follow each other at once.
_WORD_SECONDS, _LETTER_SECONDS = 0.8, 0.12
_AT_ONCE, _SQUEEZED = 0.1, 0.06
_LETTERS_OF_A_DIGIT = 5


def spoken_letters(word: Word) -> int:
    """Letters that are said: a digit is a word."""
    return len(word.text) + _LETTERS_OF_A_DIGIT * sum(letter.isdecimal() for letter in word.text)


def possible(words: Sequence[Word]) -> list[Word]:
    """The words, those that are far too long shortened on the side where no other word follows at once.

    What was squeezed behind such a word comes behind it again. Where words follow at both sides, or at none, the
    word stays as it is: somebody laughs meanwhile, perhaps.
    """
    settled = list(words)
    for number, word in enumerate(words):
        most = _longest(word)
        if word.end - word.start <= most:
            continue
        behind = number + 1
        while behind < len(words) and _squeezed_behind(words[behind - 1], words[behind]):
            behind += 1
        to_left = number > 0 and word.start - settled[number - 1].end < _AT_ONCE
        to_right = behind < len(words) and words[behind].start - words[behind - 1].end < _AT_ONCE
        if to_left and not to_right:
            now = word.start + most
            settled[number] = replace(word, end=round(now, 3))
            for later in range(number + 1, behind):
                start, now = now, min(word.end, now + 0.5 * _longest(words[later]))
                settled[later] = replace(words[later], start=round(start, 3), end=round(now, 3))
        elif to_right and not to_left:
            settled[number] = replace(word, start=round(word.end - most, 3))
    return settled


def _longest(word: Word) -> float:
    return _WORD_SECONDS + _LETTER_SECONDS * spoken_letters(word)


def _squeezed_behind(left: Word, right: Word) -> bool:
    return right.end - right.start < _SQUEEZED and right.start - left.end < _AT_ONCE
