"""What becomes of a piece, and why."""

from __future__ import annotations

import pytest

from xtts_finetune.recordings.cutting.cutting import Piece
from xtts_finetune.recordings.examining import Finding
from xtts_finetune.recordings.states import stretch_of
from xtts_finetune.records.stretches import Reason, State, Word


def piece(*probabilities: float, doubt: str = "", reasons: tuple[Reason, ...] = ()) -> Piece:
    words = [Word(f"word{n}", n / 2, n / 2 + 0.4, p, doubt if n == 0 else "") for n, p in enumerate(probabilities)]
    return Piece(0.0, 5.0, tuple(words), reasons)


SURE = (0.98, 0.95, 0.99, 0.97)
MUSIC = (Reason("music", "under the words"),)
NOT_HEARD = "your text has words that were not heard"


@pytest.mark.parametrize(
    ("probabilities", "finding", "own", "state", "kinds"),
    [
        (SURE, Finding(second="x"), False, "kept", []),
        (SURE, Finding(MUSIC, second="x"), False, "doubtful", ["music"]),
        (SURE, Finding(second="x", badness=2.0), False, "doubtful", ["the readings differ"]),
        (SURE, Finding(second="x", badness=2.0), True, "kept", []),
        (SURE, Finding(second="x", unsteady=True), False, "doubtful", ["the readings differ"]),
        ((0.98, 0.2, 0.99, 0.97), Finding(second="x"), False, "doubtful", ["low confidence"]),
        ((0.85, 0.85, 0.85), Finding(second="x"), False, "doubtful", ["low confidence"]),
        ((0.85, 0.85, 0.85), Finding(second="x"), True, "kept", []),
        ((), Finding((Reason("applause"),)), False, "left out", ["no words", "applause"]),
    ],
)
def test_a_piece_is_kept_unless_something_speaks_against_it(
    probabilities: tuple[float, ...], finding: Finding, own: bool, state: State, kinds: list[str]
):
    reasons = () if probabilities else (Reason("no words"),)
    stretch = stretch_of("/a.wav", piece(*probabilities, reasons=reasons), finding, own, breaks_off=False)
    assert (stretch.state, [reason.kind for reason in stretch.reasons]) == (state, kinds)


def test_a_word_of_the_user_that_was_not_heard_is_named_unless_the_second_reading_finds_it():
    doubted = piece(*SURE, doubt=NOT_HEARD)
    stretch = stretch_of("/a.wav", doubted, Finding(second="x", badness=9.0), own=True, breaks_off=False)
    assert [str(reason) for reason in stretch.reasons] == [f"text and sound differ: {NOT_HEARD}"]
    assert stretch_of("/a.wav", doubted, Finding(second="x"), own=True, breaks_off=False).state == "kept"


def test_the_last_clip_of_a_recording_that_breaks_off_is_doubtful():
    stretch = stretch_of("/a.wav", piece(*SURE), Finding(second="x"), own=False, breaks_off=True)
    assert [str(reason) for reason in stretch.reasons] == ["word at the edge: the recording breaks off here"]
