"""Where a text and what is heard differ, and how much likelier what is heard is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.hearing.normalised import bare, same_words, sound_alike, words_of
from xtts_finetune.data.hearing.short_sound import WITHOUT_SPACES

# How unlikely it is that a word of so many letters is heard for sure and not said, as a natural logarithm: recognisers
# put in 'a' and 'the'.
HEARD_TOO_MUCH = {1: 4.5, 2: 5.5, 3: 7.0}
LONG_HEARD_TOO_MUCH = 9.0
# Names and rare words are written as others that sound like them: of 200 right texts 5 of the 6 that were reported.
SOUNDING_ALIKE = 3.0
# A written word of so few letters is swallowed by recognisers as well.
SHORT = 3
# Letters that a misheard word may have more than the one that is written.
MUCH_MORE = 5
_MARKS_AT_THE_END = re.compile(r"[\s.,;:!?…。、，！？；：]*$")


class Sound(Protocol):
    """A sound in a recogniser: hearing.short_sound.ShortSound."""

    def read(self) -> str: ...

    def log_probabilities(self, words: Sequence[str]) -> list[NDArray[np.float64]]: ...


@dataclass(frozen=True)
class Difference:
    """Words that are written and what is heard instead, each with its marks.

    unlikely   how much likelier the heard ones are: a natural logarithm
    """

    written: tuple[str, ...]
    heard: tuple[str, ...]
    unlikely: float
    at_start: bool
    at_end: bool

    def __str__(self) -> str:
        written, heard = (" ".join(words).strip(" .,;:!?") for words in (self.written, self.heard))
        if not self.heard:
            return f'"{written}" is written, but not heard'
        if not self.written:
            return f'"{heard}" is heard, but not written'
        return f'"{written}" is written, "{heard}" is heard'


def differences_of(
    sound: Sound, heard: Sequence[str], written: Sequence[str], language: str
) -> tuple[list[Difference], float]:
    """Where two readings differ, and the mean probability of the written words. Words with their marks."""
    said, meant = (["".join(words_of(word, language)) for word in words] for words in (heard, written))
    matcher = SequenceMatcher(None, said, meant, autojunk=False)
    dressed: list[str] = []  # the written words, with the case and marks of the heard ones where they are the same
    places = []
    for tag, start, end, from_, to in matcher.get_opcodes():
        if tag == "equal" or same_words(heard[start:end], written[from_:to], language):
            dressed += heard[start:end]
        else:
            places.append((start, end, from_, to, len(dressed)))
            dressed += _dressed(written[from_:to], heard[start:end])
    of_heard = sound.log_probabilities(heard)
    of_written = sound.log_probabilities(dressed) if places else of_heard
    found = []
    for start, end, from_, to, place in places:
        after = place + to - from_
        unlikely = _sum(of_heard[start : end + 1]) - _sum(of_written[place : after + 1])
        unlikely -= SOUNDING_ALIKE * sound_alike(heard[start:end], written[from_:to])
        if start == end:
            unlikely = max(unlikely, -_sum(of_written[place:after])) if _is_long(written[from_:to]) else unlikely
        more = [start + number for number in _left_over(heard[start:end], written[from_:to])]
        too_much = _too_much([heard[number] for number in more], [of_heard[number] for number in more], language)
        unlikely = max(unlikely, too_much)
        ends = (from_ == 0 or start == 0, to == len(written) or end == len(heard))
        found.append(Difference(tuple(written[from_:to]), tuple(heard[start:end]), unlikely, *ends))
    firsts = [float(np.exp(logs[0])) for logs in of_written if len(logs)]
    return found, sum(firsts) / len(firsts) if firsts else 0.0


def _dressed(written: Sequence[str], heard: Sequence[str]) -> list[str]:
    """Words with the marks of those that are heard in their place, and their case where the text has none."""
    plain = [_MARKS_AT_THE_END.sub("", word) for word in written]
    if heard and plain:
        text = "".join(plain)
        if text in (text.lower(), text.upper()) and not any(character.isdigit() for character in text):
            plain = [word.lower() for word in plain]
            for place, (word, other) in enumerate(zip(plain, heard, strict=False)):
                plain[place] = word[:1].upper() + word[1:] if other[:1].isupper() else word
        mark = _MARKS_AT_THE_END.search(heard[-1])
        plain[-1] += mark[0].strip() if mark else ""
    return plain


def _left_over(heard: Sequence[str], written: Sequence[str]) -> list[int]:
    """Which of the heard words are more than was written; the others may be the written ones, misheard."""
    meant = "".join(map(bare, written))
    said = list(map(bare, heard))
    if meant and sum(map(len, said)) < len(meant) + MUCH_MORE:
        return []
    runs = [(start, end) for start in range(len(said)) for end in range(start + 1, len(said) + 1)] if meant else []
    like = SequenceMatcher(None, "", meant, autojunk=False)

    def likeness(run: tuple[int, int]) -> float:
        like.set_seq1("".join(said[slice(*run)]))
        return like.ratio()

    first, last = max(runs, key=likeness, default=(0, 0))
    return [number for number in range(len(said)) if not first <= number < last]


def _too_much(words: Sequence[str], logs: Sequence[NDArray[np.float64]], language: str) -> float:
    """How unlikely it is that so many words are heard if they are not said. Their marks do not count."""
    total = 0.0
    for word, each in zip(words, logs, strict=True):
        weight = LONG_HEARD_TOO_MUCH
        if language not in WITHOUT_SPACES:
            weight = HEARD_TOO_MUCH.get(len(bare(word)), LONG_HEARD_TOO_MUCH)
        marked = len(each) > 1 and _MARKS_AT_THE_END.search(word) is not None and not word[-1].isalnum()
        total += max(0.0, weight + float(np.sum(each[:-1] if marked else each)))
    return total


def _is_long(words: Sequence[str]) -> bool:
    return sum(len(bare(word)) for word in words) > SHORT


def _sum(logs: Sequence[NDArray[np.float64]]) -> float:
    return float(sum(np.sum(each) for each in logs))
