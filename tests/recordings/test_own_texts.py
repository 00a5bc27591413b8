"""A user's own text of a recording: read in the forms people have, and given the times of what was heard."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xtts_finetune.data.hearing.recogniser import joined
from xtts_finetune.errors import UserError
from xtts_finetune.recordings.words.aligning import NOT_IN_TEXT, align, told, upheld
from xtts_finetune.recordings.words.own_texts import OwnText, own_text_of, read_own_text, words_of_line
from xtts_finetune.records.stretches import Word

STORY = (
    "The library closes at 6:30 on Fridays. If you arrive late, drop your books into the metal box beside the "
    "entrance. Mrs. Whitaker empties it at eight the next morning. She has worked here for 27 years, and she "
    "remembers every reader by name. Last winter she sent me a postcard, simply to say that a novel I had asked for "
    "was back. We drove south through the desert with the windows down. The radio played nothing but static. "
    "It was made in 1905."
)

SRT = """1
00:00:01,000 --> 00:00:03,000
<i>ANNA: We came</i> home &amp; slept.

2
00:00:04,000 --> 00:00:05,500
(door slams)

3
00:00:06,000 --> 00:00:07,500
- BEN: {\\an8}So did I.
"""
VTT = """WEBVTT
Kind: captions

NOTE made by hand

intro
00:01.000 --> 00:03.000 align:start position:0%
<v Anna>We came home & slept.</v>

00:04.000 --> 00:05.500
[music] So did I.
"""
ROLLING = """WEBVTT

00:00:01.000 --> 00:00:02.000
&nbsp;
We<00:00:01.200><c> came</c><00:00:01.500><c> home & slept.</c>

00:00:02.000 --> 00:00:02.010
We came home & slept.

00:00:02.010 --> 00:00:04.000
We came home & slept.
So<00:00:02.300><c> did</c><00:00:02.500><c> I.</c>
"""
PLAIN = "Anna: We came home\r\n& slept.\r\n\r\nBen: So did I.\r\nAnna: \r\n"
TIMED = "[00:01] We came home & slept.\n[00:04] So did I.\n"
LABELS = "0 10000000 sil\n10000000 30000000 We came home & slept.\n40000000 55000000 So did I.\n"
AUDACITY = "1.000000\t3.000000\tWe came home & slept.\n4.000000\t5.500000\tSo did I.\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("talk.srt", SRT),
        ("talk.vtt", VTT),
        ("talk.en.vtt", ROLLING),
        ("TALK.TXT", PLAIN),
        ("talk.mp3.txt", TIMED),
        ("talk.lab", LABELS),
        ("talk.lab", AUDACITY),
        ("talk.txt", "We came home & slept. So did I."),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_is_said_is_read_whatever_the_form_and_the_encoding(
    tmp_path: Path, name: str, content: str, encoding: str
) -> None:
    (tmp_path / name).write_bytes(content.encode(encoding))
    text = own_text_of(tmp_path / "talk.mp3", None)
    assert text is not None
    assert " ".join(text.words) == "We came home & slept. So did I."


def test_what_was_taken_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "talk.srt").write_text(SRT, encoding="utf-8")
    told = str(read_own_text(tmp_path / "talk.srt"))
    for what in (
        "times of subtitles (3)",
        "tags (3)",
        "notes in brackets (1)",
        "names of speakers (2: 'ANNA:', 'BEN:')",
    ):
        assert what in told


def test_a_colon_in_the_text_is_no_name_of_a_speaker(tmp_path: Path) -> None:
    text = "Remember: we leave at nine.\nHe said: wait.\nHe said: wait.\n"
    (tmp_path / "talk.txt").write_text(text, encoding="utf-8")
    assert " ".join(read_own_text(tmp_path / "talk.txt").words) == " ".join(text.split())


def test_texts_are_found_by_the_name_of_the_recording_or_given(tmp_path: Path) -> None:
    recording = tmp_path / "talk.mp3"
    assert own_text_of(recording, None) is None
    (tmp_path / "other.txt").write_text("Not this.", encoding="utf-8")
    assert own_text_of(recording, None) is None
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "talk.txt").write_text("This one.", encoding="utf-8")
    for given_as in (texts, texts / "talk.txt"):
        text = own_text_of(recording, given_as)
        assert text is not None
        assert text.words == ("This", "one.")
    with pytest.raises(UserError, match="there is no"):
        own_text_of(recording, tmp_path / "missing")
    (texts / "talk.txt").write_text("[music]", encoding="utf-8")
    with pytest.raises(UserError, match="no words"):
        own_text_of(recording, texts)


def text_of(text: str) -> OwnText:
    return OwnText(Path("talk.txt"), tuple(words_of_line(text)))


def heard(words: Sequence[str]) -> list[Word]:
    return [Word(word, number / 2, number / 2 + 0.25, 0.9) for number, word in enumerate(words)]


def of_user(words: Sequence[Word]) -> str:
    return joined([word for word in words if word.doubt != NOT_IN_TEXT])


def doubted(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words if word.doubt)


def test_words_that_are_the_same_have_the_times_of_what_was_heard_and_no_doubt() -> None:
    sound = heard(STORY.lower().replace(",", "").split())
    words = align(sound, text_of(STORY))
    assert of_user(words) == STORY
    assert [(word.start, word.end) for word in words] == [(word.start, word.end) for word in sound]
    assert not doubted(words)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("at 6:30 on", "at 630 on"),
        ("at 6:30 on", "at six thirty on"),
        ("in 1905", "in nineteen oh five"),
        ("27 years", "twenty-seven years"),
        ("27 years", "twenty seven years"),
        ("Mrs. Whitaker empties", "Mrs. Woodaker empties"),
        ("beside the entrance", "be side the entrance"),
        ("every reader", "everyreader"),
        ("that a novel", "that novel"),
        ("through the desert", "through um the dessert"),
        ("with the windows", "with a windows"),
    ],
)
def test_what_a_recogniser_mishears_or_writes_otherwise_is_no_doubt(written: str, said: str) -> None:
    assert written in STORY
    words = align(heard(STORY.replace(written, said).split()), text_of(STORY))
    assert of_user(words) == STORY
    assert not doubted(words)


@pytest.mark.parametrize(
    ("fault", "about"),
    [
        (STORY.replace("metal", "yellow"), "yellow"),
        (STORY.replace("Last winter", "Last Wednesday"), "Wednesday"),
        (STORY.replace(" you arrive late,", ""), "If drop"),
        (STORY.replace(" She has worked here for 27 years,", ""), "She has worked here for 27 years,"),
        (STORY.replace("The radio", "Nobody spoke for hours. The radio"), "Nobody spoke for hours."),
    ],
)
def test_where_text_and_sound_part_the_words_say_so(fault: str, about: str) -> None:
    words = align(heard(STORY.split()), text_of(fault))
    assert of_user(words) == fault
    assert doubted(words) == about


def test_both_of_two_sentences_exchanged_are_doubted() -> None:
    one, other = "If you arrive late, drop your books into the metal box.", "Mrs. Whitaker empties it at eight."
    before, behind = "The library closes at six.", "She has worked here for years."
    words = align(heard(f"{before} {one} {other} {behind}".split()), text_of(f"{before} {other} {one} {behind}"))
    assert doubted(words) == f"{other} {other}"


def test_a_swapped_word_says_what_is_written_and_what_was_heard() -> None:
    words = align(heard(STORY.split()), text_of(STORY.replace("postcard,", "sandwich,")))
    assert [word.doubt for word in words if word.doubt] == ['your text has "sandwich,", but "postcard," was heard']


def test_a_second_reading_that_finds_the_text_right_takes_doubts_away_but_for_what_is_not_in_the_text() -> None:
    text = STORY.replace("postcard,", "sandwich,").replace(" She has worked here for 27 years,", "")
    words = align(heard(STORY.split()), text_of(text))
    assert doubted(upheld(words, badness=12.0)) == "She has worked here for 27 years, sandwich,"
    assert doubted(upheld(words, badness=1.0)) == "She has worked here for 27 years,"


def test_a_sentence_that_nobody_says_has_no_time_and_one_that_was_not_heard_has_its_sound() -> None:
    sound = heard(["The", "library", "closes", "at", "six.", "She", "has", "worked", "here."])
    extra = text_of("The library closes at six. Nobody ever came back. She has worked here.")
    nobody = align(sound, extra)[5:9]
    assert {word.start for word in nobody} == {word.end for word in nobody} == {sound[4].end}
    later = [*sound[:5], *(Word(word.text, word.start + 3, word.end + 3) for word in sound[5:])]
    spread = align(later, extra, speech=[(0.0, 2.3), (3.0, 5.0), (5.5, 9.0)])[5:9]
    assert [spread[0].start, spread[-1].end] == pytest.approx([3.0, 5.0])
    assert {word.end for word in align(later, extra)[5:9]} == {sound[4].end}


def test_east_asian_texts_are_compared_character_by_character() -> None:
    text = "今天天气很好。我们去Python公园玩。"
    sound = [
        Word(word, float(number), number + 1.0)
        for number, word in enumerate(("今天", "天气", "很好", "我们", "去Python公园", "玩"))
    ]
    words = align(sound, text_of(text), "zh-cn")
    assert joined(words) == text
    assert not doubted(words)
    assert words[1].start == 0.5


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.6), st.floats(0, 1))
def test_the_words_are_always_the_users_in_order_of_time(seed: int, faults: float, missing: float) -> None:
    chance = random.Random(seed)
    said = []
    for word in STORY.split():
        if chance.random() > faults:
            said.append(word)
        elif chance.random() > missing:
            said += [word[::-1], "um"][: chance.randint(1, 2)]
    words = align(heard(said), text_of(STORY))
    assert of_user(words) == STORY
    assert all(word.start <= word.end for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)


def test_another_recordings_text_is_doubted_as_a_whole() -> None:
    words = align(heard(("A heron stood in the shallow end of the pond. " * 3).split()), text_of(STORY))
    assert len(doubted(words).split()) > 0.9 * len(words)
    assert "is it of this recording?" in told(text_of(STORY), words)
    assert align([], text_of(STORY))[0].start == 0
