"""Where a recording is cut: in silence, outside all words, into clips of much the same length; nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xtts_finetune.recordings.cutting.cutting import LONGEST, SHORTEST, Piece, cut
from xtts_finetune.recordings.sound.envelope import RATE, STEP, Envelope, EnvelopeBuilder
from xtts_finetune.records.stretches import Word

SPEECH_DB, ROOM_DB = -25.0, -70.0


@dataclass(frozen=True)
class Sound:
    """Sound and the silence behind it, in seconds; `text` is what is said meanwhile, its words equally long."""

    seconds: float
    pause: float
    text: str = ""
    level: float = SPEECH_DB


def recording(
    sounds: Sequence[Sound], room: float = ROOM_DB, before: float = 0.5
) -> tuple[list[Word], Envelope, float]:
    levels = [np.full(round(before / STEP), room)]
    words: list[Word] = []
    now = before
    for sound in sounds:
        said = sound.text.split()
        for number, text in enumerate(said):
            length = sound.seconds / len(said)
            words.append(Word(text, now + number * length, now + (number + 1) * length))
        levels += [np.full(round(sound.seconds / STEP), sound.level), np.full(round(sound.pause / STEP), room)]
        now += sound.seconds + sound.pause
    level = np.concatenate(levels) + np.random.default_rng(1).uniform(-1, 1, sum(map(len, levels)))
    return words, Envelope(level.astype(np.float32), 0.5), len(level) * STEP


def cut_of(sounds: Sequence[Sound], room: float = ROOM_DB) -> tuple[list[Piece], Envelope]:
    words, envelope, end = recording(sounds, room)
    pieces = cut(words, envelope, [], end)
    whole(pieces, words, end)
    return pieces, envelope


def whole(pieces: Sequence[Piece], words: Sequence[Word], end: float) -> None:
    assert pieces[0].start == 0
    assert pieces[-1].end == pytest.approx(end)
    assert all(left.end == right.start and left.end > left.start for left, right in pairwise(pieces))
    assert [word.text for piece in pieces for word in piece.words] == [word.text for word in words]


def clips(pieces: Sequence[Piece]) -> list[str]:
    return [" ".join(word.text for word in piece.words) for piece in pieces if piece.words]


def loudest_at_cuts(pieces: Sequence[Piece], envelope: Envelope) -> float:
    frames = [round(piece.end / STEP) for piece in pieces[:-1]]
    return max(float(envelope.level_db[max(0, frame - 2) : frame + 2].max()) for frame in frames)


sounds_of_speech = st.lists(
    st.builds(
        Sound,
        st.floats(0.4, 5.0),
        st.floats(0.15, 1.5),
        st.sampled_from(["It was late.", "when the lamp went out,", "and nobody knew the way home", "Yes."]),
        st.floats(-30.0, -20.0),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(sounds_of_speech, st.integers(0, 999))
def test_every_second_and_every_word_is_in_one_piece_and_no_cut_is_in_sound(sounds: list[Sound], seed: int) -> None:
    words, envelope, end = recording(sounds)
    # A recogniser's times are off.
    shift = np.random.default_rng(seed).uniform(-0.2, 0.2, (len(words), 2))
    heard = [
        replace(word, start=max(0.0, word.start + early), end=max(word.start + early + 0.05, word.end + late))
        for word, (early, late) in zip(words, shift, strict=True)
    ]
    pieces = cut(heard, envelope, [], end)
    whole(pieces, heard, end)
    if len(pieces) > 1:
        assert loudest_at_cuts(pieces, envelope) < SPEECH_DB - 30


@settings(max_examples=60, deadline=None)
@given(sounds_of_speech)
def test_no_clip_is_longer_than_eleven_seconds_where_there_are_pauses(sounds: list[Sound]) -> None:
    pieces, _ = cut_of([replace(sound, pause=max(0.3, sound.pause), level=SPEECH_DB) for sound in sounds])
    assert all(piece.end - piece.start <= LONGEST + 0.2 for piece in pieces if piece.words)


def test_clips_of_ordinary_speech_are_two_to_eleven_seconds_and_end_with_sentences() -> None:
    sentence = (Sound(1.5, 0.5, "When we came home,"), Sound(2.0, 0.4, "the door was open."))
    pieces, _ = cut_of(sentence * 20)
    lengths = [piece.end - piece.start for piece in pieces if piece.words]
    assert all(SHORTEST < length < LONGEST for length in lengths)
    assert max(lengths) < 1.5 * min(lengths)
    assert all(clip.endswith("open.") for clip in clips(pieces))


def test_a_sentence_too_long_for_one_clip_is_cut_at_its_longest_pause() -> None:
    said = ("one two three four", "five six", "seven eight", "nine ten eleven.")
    lengths = ((4, 0.35), (2, 0.35), (2, 0.9), (5, 1))
    pieces, _ = cut_of([Sound(*length, text) for length, text in zip(lengths, said, strict=True)])
    assert clips(pieces) == ["one two three four five six seven eight", "nine ten eleven."]


def test_what_has_no_pause_stays_one_piece_and_says_that_it_is_too_long() -> None:
    pieces, _ = cut_of([Sound(2, 1, "words before it."), Sound(30, 1, "word " * 60), Sound(2, 1, "words after it.")])
    assert [reason.kind for piece in pieces if piece.words for reason in piece.reasons] == ["too long"]


def test_what_has_no_pause_for_minutes_comes_in_parts_that_can_be_held_in_memory_and_are_all_doubtful() -> None:
    pieces, _ = cut_of([Sound(2, 1, "words before it."), Sound(300, 1, "word " * 600), Sound(2, 1, "words after it.")])
    parts = [piece for piece in pieces if piece.end - piece.start > LONGEST and piece.words]
    assert sum(piece.end - piece.start for piece in parts) > 300
    assert all(piece.end - piece.start < 60 and piece.reasons for piece in parts)


def test_a_word_is_not_cut_at_the_silence_within_it() -> None:
    words, envelope, end = recording([Sound(6, 0.12, "a b c d e f g h i j"), Sound(6, 1, "k l m n o p q r s t")])
    assert len(clips(cut(words, envelope, [], end))) == 2
    # Lips that close for 120 ms.
    one_word = [*words[:9], Word("jk", words[9].start, words[10].end), *words[11:]]
    assert len(clips(cut(one_word, envelope, [], end))) == 1


def test_the_end_of_a_word_behind_a_short_silence_stays_with_it() -> None:
    pieces, _ = cut_of([Sound(3, 0.18, "we were in the park"), Sound(0.1, 3), Sound(3, 1, "when it began to rain")])
    first = next(piece for piece in pieces if piece.words)
    assert first.end > 0.5 + 3 + 0.18 + 0.1


def test_a_cough_between_sentences_is_a_piece_of_its_own() -> None:
    pieces, _ = cut_of([Sound(3, 0.4, "It was late."), Sound(0.7, 0.4), Sound(3, 0.4, "We went home.")])
    assert clips(pieces) == ["It was late.", "We went home."]
    assert [[reason.kind for reason in piece.reasons] for piece in pieces if not piece.words].count(["no words"]) == 1


def test_words_that_a_recogniser_spreads_over_the_music_behind_them_stay_where_they_are_said() -> None:
    words, envelope, end = recording(
        [Sound(3, 0.5, "it had started to rain."), Sound(8, 0.5), Sound(3, 1, "We went in.")]
    )
    to, rain = words[3], words[4]
    spread = [*words[:3], replace(to, end=9.0), replace(rain, start=9.0, end=9.0), *words[5:]]
    pieces = cut(spread, envelope, [], end)
    assert clips(pieces) == ["it had started to rain.", "We went in."]


def test_laughter_within_a_clip_makes_it_doubtful() -> None:
    words, envelope, end = recording(
        [Sound(4, 0.5, "a b c d e f g h i j k l m n o p"), Sound(3, 0.5, "q r s t u v w x")]
    )
    without = [word for word in words if word.text not in "efgh"]
    first = next(piece for piece in cut(without, envelope, [], end) if piece.words)
    assert [reason.kind for reason in first.reasons] == ["noise"]


def test_a_number_takes_as_long_as_its_words() -> None:
    words, envelope, end = recording([Sound(3, 1, "it was late in the year of our lord")])
    year = [*words[:5], Word("1969", words[5].start, words[5].end)]
    assert not any(piece.reasons for piece in cut(year, envelope, [], end) if piece.words)


def test_silence_between_clips_is_a_piece_and_what_remains_at_their_ends_is_short() -> None:
    pieces, _ = cut_of([Sound(4, 2, "It was late."), Sound(4, 2, "We went home.")])
    assert [bool(piece.words) for piece in pieces] == [False, True, False, True, False]
    assert [reason.kind for reason in pieces[2].reasons] == ["silence"]
    first = pieces[1]
    assert 0.5 - first.start == pytest.approx(0.06, abs=0.02)
    assert first.end - 4.5 == pytest.approx(0.06, abs=0.02)


def test_a_recording_with_noise_throughout_is_cut_where_nothing_but_the_noise_is_left() -> None:
    pieces, envelope = cut_of([Sound(3, 0.6, "It was late.")] * 12, room=-47.0)
    assert len(clips(pieces)) >= 4
    assert loudest_at_cuts(pieces, envelope) < -45


def test_music_under_a_passage_of_a_quiet_recording_is_not_cut() -> None:
    quiet = [Sound(3, 0.5, "It was late.")] * 10
    words, envelope, end = recording([*quiet, *quiet, *quiet])
    level = envelope.level_db.copy()
    begin, stop = round(35 / STEP), round(70 / STEP)
    level[begin:stop] = np.maximum(level[begin:stop], -45)
    pieces = cut(words, Envelope(level, 0.5), [], end)
    assert not any(35.1 < piece.end < 69.9 for piece in pieces)


def test_words_of_a_quiet_voice_next_to_a_loud_one_are_not_taken_for_silence() -> None:
    loud, quiet = Sound(3, 0.5, "This is loud."), Sound(3, 0.5, "This is quiet.", level=SPEECH_DB - 38)
    pieces, envelope = cut_of([*[loud] * 4, *[quiet] * 4, *[loud] * 4], room=-100.0)
    assert loudest_at_cuts(pieces, envelope) < -95
    assert sum(piece.end - piece.start for piece in pieces if piece.words) > 36


def test_a_recording_without_words_or_without_sound_is_told_as_what_it_is() -> None:
    nothing, _ = cut_of([])
    assert [[reason.kind for reason in piece.reasons] for piece in nothing] == [["silence"]]
    words, envelope, end = recording([Sound(5, 0.5)])
    voice = cut(words, envelope, [(0.5, 5.5)], end)
    assert ["a voice" in str(piece.reasons[0]) for piece in voice] == [False, True, False]


def envelope_of(wave: NDArray[np.float32], block: int) -> Envelope:
    builder = EnvelopeBuilder()
    for first in range(0, len(wave), block):
        builder.add(wave[first : first + block])
    return builder.done()


@settings(max_examples=8, deadline=None)
@given(st.integers(100, 40_000))
def test_the_envelope_does_not_depend_on_the_blocks_that_it_is_made_from(block: int) -> None:
    wave = np.random.default_rng(1).normal(0, 0.1, 2 * RATE + 77).astype(np.float32)[: max(1, block * 40)]
    assert np.array_equal(envelope_of(wave, block).level_db, envelope_of(wave, len(wave)).level_db)


def test_the_envelope_is_the_level_in_decibels_and_an_offset_is_no_sound() -> None:
    seconds = np.arange(RATE) / RATE
    sine = envelope_of((0.1 * np.sin(2 * np.pi * 500 * seconds) + 0.2).astype(np.float32), 4000)
    assert len(sine.level_db) == 100
    assert sine.level_db[5:] == pytest.approx(-23.0, abs=0.2)
    assert sine.peak == pytest.approx(0.3, abs=0.01)
    assert envelope_of(np.full(RATE, 0.2, np.float32), 1000).level_db.max() < -90
