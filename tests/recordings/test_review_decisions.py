"""What a person decided about stretches: it holds after importing again, can be taken back, and loses no second."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtts_finetune.errors import UserError
from xtts_finetune.recordings.review.decisions import (
    REJECTED,
    Decision,
    NotDecided,
    apply,
    decide,
    read_decisions,
    write_decision,
)
from xtts_finetune.recordings.review.splitting import split_at, texts_at, time_of_caret
from xtts_finetune.records.stretches import REVIEW, Reason, Stretch, Word

SOURCE = "/recordings/an evening.m4a"


def stretch(start: float, end: float, text: str = "good evening to all", **values: object) -> Stretch:
    words = text.split()
    step = (end - start) / max(1, len(words))
    timed = tuple(Word(word, start + n * step, start + (n + 1) * step - 0.05, 0.9) for n, word in enumerate(words))
    made = Stretch(f"wavs/{start}.flac", SOURCE, start, end, text, "doubtful", (Reason("low confidence"),), 0.9)
    return replace(made, words=timed, **values)


def silence(start: float, end: float) -> Stretch:
    return stretch(start, end, "", file=None, state="left out", reasons=(Reason("silence"),))


THREE = [stretch(0, 4), silence(4, 5), stretch(5, 9, "and now the news"), stretch(9, 12, "thank you")]


def test_keeping_with_another_text_makes_it_the_clips_text() -> None:
    now, _, decided = apply(THREE, [Decision("keep", SOURCE, 0, 4, text="Good evening,  to all.")])
    assert (now[0].state, now[0].text, now[0].reasons) == ("kept", "Good evening, to all.", ())
    assert decided == {(SOURCE, 0, 4)}


def test_a_decision_holds_where_importing_again_moved_the_stretch_a_little() -> None:
    moved = [stretch(0.1, 4.05), *THREE[1:]]
    now, lost, _ = apply(moved, [Decision("keep", SOURCE, 0, 4, text="Good evening.")])
    assert now[0].text == "Good evening." and not lost


def test_a_decision_about_what_is_no_longer_there_is_told_and_changes_nothing() -> None:
    decision = Decision("reject", SOURCE, 20, 24)
    now, lost, decided = apply(THREE, [decision])
    assert (now, lost, decided) == (THREE, [decision], set())


def test_undo_takes_back_the_last_decision_that_stands() -> None:
    keep, reject = Decision("keep", SOURCE, 0, 4), Decision("reject", SOURCE, 5, 9)
    undo = Decision("undo")
    assert apply(THREE, [keep, reject, undo])[0] == apply(THREE, [keep])[0]
    assert apply(THREE, [keep, reject, undo, undo, undo])[0] == THREE


def test_both_parts_of_a_split_clip_are_to_be_heard_and_have_their_own_words() -> None:
    now, _, decided = apply(THREE, [Decision("split", SOURCE, 0, 4, text="good evening", rest="to all", at=2.0)])
    first, second = now[:2]
    assert (first.start, first.end, second.start, second.end) == (0, 2.0, 2.0, 4)
    assert [word.text for word in first.words] == ["good", "evening"]
    assert [word.text for word in second.words] == ["to", "all"]
    assert first.state == second.state == "doubtful" and first.file is second.file is None and not decided


def test_merging_joins_the_next_stretch_with_words_and_the_pause_between() -> None:
    now, _, _ = apply(THREE, [Decision("merge", SOURCE, 0, 4)])
    assert (now[0].start, now[0].end, now[0].text) == (0, 9, "good evening to all and now the news")
    assert len(now) == 2


def test_what_cannot_be_decided_says_why() -> None:
    for decision, why in (
        (Decision("keep", SOURCE, 0, 4, text=" "), "needs its text"),
        (Decision("keep", SOURCE, 0, 4, text="one | two"), "between the columns"),
        (Decision("split", SOURCE, 0, 4, text="a", rest="b", at=7.0), "not inside"),
        (Decision("merge", SOURCE, 9, 12), "no speech right after"),
        (Decision("reject", SOURCE, 30, 31), "no stretch"),
    ):
        with pytest.raises(NotDecided, match=why):
            decide(list(THREE), decision)


def test_a_rejected_clip_can_be_kept_again() -> None:
    now, _, _ = apply(THREE, [Decision("reject", SOURCE, 0, 4), Decision("keep", SOURCE, 0, 4)])
    assert now[0].state == "kept" and REJECTED not in now[0].reasons


@given(
    st.lists(
        st.tuples(st.sampled_from(["keep", "reject", "split", "merge", "undo"]), st.integers(0, 40), st.floats(0, 1)),
        max_size=25,
    )
)
def test_no_second_is_lost_or_doubled_whatever_is_decided(steps: list[tuple[str, int, float]]) -> None:
    decisions: list[Decision] = []
    for action, place, share in steps:
        now, _, _ = apply(THREE, decisions)
        one = now[place % len(now)]
        at = one.start + share * one.seconds
        decisions.append(Decision(action, SOURCE, one.start, one.end, "some text", "and more", at))  # type: ignore[arg-type]
    now, _, _ = apply(THREE, decisions)
    assert now[0].start == 0 and now[-1].end == 12
    assert all(before.end == after.start for before, after in pairwise(now))


def test_decisions_come_back_from_the_file_as_they_were(tmp_path: Path) -> None:
    written = [
        Decision("keep", SOURCE, 0.5, 4.25, text='Say "yes" | no ☺'),
        Decision("split", SOURCE, 0, 4, "a", "b", 2.0),
        Decision("undo"),
    ]
    for decision in written:
        write_decision(tmp_path, decision)
    with (tmp_path / REVIEW).open("ab") as file:
        file.write(b'{"action": "rej')  # torn by a crash
    assert read_decisions(tmp_path) == written


@pytest.mark.parametrize(
    "line", ['{"action": "sing"}', '{"action": "keep"}', "[]", '{"action": "split", "source": "a"}']
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / REVIEW).write_text(line + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"review\.jsonl:1"):
        read_decisions(tmp_path)


def test_a_clip_is_split_in_the_quietest_place_near_where_one_pointed() -> None:
    rate = 1000
    wave = np.sin(np.arange(2 * rate)).astype(np.float32)
    wave[900:960] = 0
    assert split_at(wave, rate, 1.1) == pytest.approx(0.93, abs=0.04)
    assert split_at(wave[:5], rate, 0.002) == 0.002


def test_a_caret_means_the_time_between_its_words_and_a_time_the_words_before_it() -> None:
    one = stretch(10, 14)
    assert time_of_caret(one, one.text, len("good evening ")) == pytest.approx(11.975)
    assert texts_at(one, one.text, 12.0) == ("good evening", "to all")
    # Words that were typed since have no times: their letters count.
    assert texts_at(one, "good evening to each and all", 12.0)[0].startswith("good evening")
