"""Words that are the same when they are spoken are the same, however they are written."""

from __future__ import annotations

import pytest

from xtts_finetune.data.hearing.normalised import same_words, sound_alike, words_of


@pytest.mark.parametrize(
    ("written", "heard", "language"),
    [
        ("27", "twenty-seven", "en"),
        ("1984", "nineteen eighty-four", "en"),
        ("1984", "one thousand nine hundred eighty four", "en"),
        ("105", "a hundred and five", "en"),
        ("10:15", "ten fifteen", "en"),
        ("6:05", "six oh five", "en"),
        ("3:00", "three o'clock", "en"),
        ("911", "nine one one", "en"),
        ("7,000", "seven thousand", "en"),
        ("2.5", "two point five", "en"),
        ("$5", "five dollars", "en"),
        ("50%", "fifty percent", "en"),
        ("April 3", "April third", "en"),
        ("3rd", "third", "en"),
        ("Dr. Harris", "Doctor Harris,", "en"),
        ("Mrs.", "misses", "en"),
        ("every day", "Everyday", "en"),
        ("well-known", "well known", "en"),
        ("don’t", "don't", "en"),
        ("20", "zwanzig", "de"),
        ("2,5", "zwei Komma fünf", "de"),
        ("25%", "huszonöt százalék", "hu"),
        ("1984-ben", "ezerkilencszáznyolcvannégyben", "hu"),
        ("5", "5", "hi"),
    ],
)
def test_another_way_to_write_what_is_said_is_no_difference(written: str, heard: str, language: str) -> None:
    assert same_words(written.split(), heard.split(), language)
    assert same_words(heard.split(), written.split(), language)


@pytest.mark.parametrize(
    ("written", "heard", "language"),
    [
        ("1984", "1983", "en"),
        ("27", "thirty-seven", "en"),
        ("box", "fox", "en"),
        ("no.", "yes", "en"),
        ("2", "3", "hi"),
    ],
)
def test_another_word_or_number_is_a_difference(written: str, heard: str, language: str) -> None:
    assert not same_words(written.split(), heard.split(), language)


def test_marks_and_case_do_not_count_and_a_character_is_a_word_where_there_are_no_spaces() -> None:
    assert words_of("“The 27 — foxes & DOGS” ran.", "en") == ["the", "twenty", "seven", "foxes", "and", "dogs", "ran"]
    assert words_of("我有书。", "zh-cn") == ["我", "有", "书"]


def test_names_that_sound_alike_are_told_from_other_words() -> None:
    assert sound_alike(["Okafor"], ["Akhofer,"]) and sound_alike(["Roughen"], ["Rough", "in"])
    assert not sound_alike(["box"], ["bridge"]) and not sound_alike(["27"], ["28"])
