"""Whose stretches are taken, where several people speak; what a voice is told by is tested in test_voices.py."""

from __future__ import annotations

import numpy as np

from xtts_finetune.recordings.examining import Finding
from xtts_finetune.recordings.voices.choosing import Voices, with_speaker
from xtts_finetune.records.stretches import Reason, Stretch, Word

ANN, BEN = np.eye(2, 256, dtype=np.float32)


def pair(
    start: float, seconds: float, voice: np.ndarray | None, *reasons: Reason, source: str = "/a.wav"
) -> tuple[Stretch, Finding]:
    word = Word("word", start, start + seconds)
    state = "doubtful" if reasons else "kept"
    stretch = Stretch(None, source, start, start + seconds, "word", state, reasons, words=(word,))
    return stretch, Finding(voice=voice)


SILENCE = (Stretch(None, "/a.wav", 90.0, 91.0, "", "left out", (Reason("silence"),)), Finding())
PAIRS = [
    pair(0.0, 5.0, ANN),
    pair(5.0, 4.0, BEN),
    pair(9.0, 6.0, ANN, Reason("noise")),
    pair(15.0, 0.4, None),
    pair(16.0, 3.0, BEN),
    SILENCE,
]


def test_stretches_of_another_voice_are_left_out_and_say_so():
    voices = Voices(PAIRS)
    assert [(voice.label, voice.seconds) for voice in voices.voices] == [("A", 11.0), ("B", 7.0)]
    chosen = voices.chosen("A")
    assert [stretch.state for stretch in chosen] == ["kept", "left out", "doubtful", "kept", "left out", "left out"]
    assert [str(stretch.reasons[0]) for stretch in chosen if stretch.state == "left out"] == [
        "another voice: voice B",
        "another voice: voice B",
        "silence",
    ]


def test_another_choice_later_brings_them_back_with_the_reasons_that_they_had():
    first = Voices(PAIRS).chosen("B")
    again = Voices([(stretch, finding) for stretch, (_, finding) in zip(first, PAIRS, strict=True)]).chosen("A")
    assert [(stretch.state, stretch.reasons) for stretch in again] == [
        (stretch.state, stretch.reasons) for stretch in Voices(PAIRS).chosen("A")
    ]


def test_a_change_of_voice_within_a_stretch_stays_a_reason():
    change = Reason("another voice", "the voice changes 3.0 s after its start")
    chosen = Voices([pair(0.0, 6.0, ANN, change), pair(6.0, 9.0, ANN)]).chosen("A")
    assert (chosen[0].state, chosen[0].reasons) == ("doubtful", (change,))


def test_the_chosen_voice_is_found_again_when_others_have_more_to_say():
    voices = Voices([*PAIRS, pair(0.0, 40.0, BEN, source="/b.wav")])
    assert voices.voices[0].seconds == 47.0
    assert (voices.at("/a.wav", 1.0), voices.at("/a.wav", 6.0), voices.at("/a.wav", 90.5)) == ("B", "A", None)


def test_embeddings_of_another_kind_belong_to_the_chosen_voice():
    old = np.ones(17, dtype=np.float32)
    chosen = Voices([pair(0.0, 5.0, ANN), pair(5.0, 5.0, old)]).chosen("A")
    assert [stretch.state for stretch in chosen] == ["kept", "kept"]


def test_the_speaker_is_named_for_clips_alone():
    assert [each.speaker for each in with_speaker(Voices(PAIRS).chosen("A"), "ann")] == [
        "ann",
        "",
        "ann",
        "ann",
        "",
        "",
    ]


def test_a_clip_may_begin_or_end_with_words_of_the_voice_next_to_it():
    def said(start: float, *pauses: tuple[float, float]) -> tuple[Stretch, Finding]:
        edges = [start, *(edge for pause in pauses for edge in pause), start + 5.0]
        words = tuple(Word("word", a, b) for a, b in zip(edges[::2], edges[1::2], strict=True))
        return Stretch(None, "/a.wav", start, start + 5.0, "word", "kept", words=words), Finding(voice=ANN)

    early, late = said(5.0, (6.4, 7.2)), said(5.0, (8.6, 9.3))
    for pairs, doubtful in (
        ([pair(0.0, 4.0, BEN), early], True),
        ([pair(0.0, 2.0, BEN), early], False),  # too long before
        ([pair(0.0, 4.0, BEN), late], False),  # its first words have no pause after them
        ([late, pair(11.0, 4.0, BEN)], True),
        ([pair(0.0, 4.0, ANN), early], False),
        ([pair(0.0, 4.0, BEN), said(5.0, (6.4, 6.6))], False),  # too short a pause
    ):
        clip = next(each for each in Voices([pair(20.0, 9.0, ANN), *pairs]).chosen("A") if each.start == 5.0)
        assert clip.state == ("doubtful" if doubtful else "kept"), pairs
        assert [reason.detail.split()[:4] for reason in clip.reasons] == [["voice", "B", "speaks", "just"]] * doubtful
