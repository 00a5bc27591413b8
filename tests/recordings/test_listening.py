"""Where speech is, what a recogniser reads at once, and words that it makes up."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recordings.made import clip_texts
from xtts_finetune.data.sound.streamed import open_stream
from xtts_finetune.recordings.listening import _said
from xtts_finetune.recordings.sound.envelope import Envelope
from xtts_finetune.recordings.sound.speech import LONGEST_SECTION, SpeechFinder, sections_of, spans_of_speech
from xtts_finetune.records.stretches import Word


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    """Two sentences at 16 kHz with two seconds of silence around each."""
    silence = np.zeros(32_000, np.float32)
    parts = [silence]
    for file, _ in clip_texts()[:2]:
        with open_stream(file) as stream:
            parts += [*stream.blocks(10.0, 16_000), silence]
    return np.concatenate(parts)


@pytest.mark.parametrize("size", [100, 512, 5000, 160_000])
def test_the_length_of_blocks_changes_nothing(wave: np.ndarray, size: int):
    from faster_whisper.vad import get_vad_model

    finder = SpeechFinder()
    for start in range(0, len(wave), size):
        finder.add(wave[start : start + size])
    whole = np.pad(wave, (0, -len(wave) % 512))
    assert np.abs(finder.done() - get_vad_model()(whole)).max() < 1e-5


def test_speech_is_found_where_it_is_and_nowhere_else(wave: np.ndarray):
    finder = SpeechFinder()
    finder.add(wave)
    spans = spans_of_speech(finder.done(), len(wave) / 16_000)
    loud = np.abs(wave) > 0.05
    seconds = np.flatnonzero(loud) / 16_000
    heard = [any(start - 0.1 <= second <= end + 0.1 for start, end in spans) for second in seconds[::200]]
    assert np.mean(heard) > 0.95
    assert spans[0][0] > 1.5
    assert spans[-1][1] < len(wave) / 16_000 - 1.5


@settings(deadline=None)
@given(
    lengths=st.lists(st.floats(0.1, 80), min_size=1, max_size=12),
    pauses=st.lists(st.floats(0.1, 8), min_size=12, max_size=12),
)
def test_sections_hold_all_speech_once_and_are_short_enough_to_be_heard(lengths: list[float], pauses: list[float]):
    speech, at = [], 0.0
    for length, pause in zip(lengths, pauses, strict=False):
        speech.append((at + pause, at + pause + length))
        at += pause + length
    end = at + 1.0
    levels = np.random.default_rng(1).normal(-30, 5, round(end * 100) + 1).astype(np.float32)
    sections = sections_of(speech, Envelope(levels, 0.5), end)
    assert all(last - first <= LONGEST_SECTION + 0.001 for first, last in sections)
    assert all(one[1] <= other[0] + 0.001 for one, other in itertools.pairwise(sections))
    covered = sum(max(0.0, min(last, stop) - max(first, start)) for first, last in sections for start, stop in speech)
    assert covered == pytest.approx(sum(stop - start for start, stop in speech), abs=0.01 * len(sections))


def test_words_that_take_no_time_at_the_end_were_not_said():
    said = [Word("behind", 9.0, 9.3, 0.99), Word("their", 9.3, 9.6, 0.99), Word("sofas.", 9.6, 9.95, 0.7)]
    made_up = [Word("Thank", 9.95, 10.0, 0.001), *[Word("you", 10.0, 10.0, 0.97)] * 3]
    assert _said([*said, *made_up], 10.02) == said
    assert _said(said, 10.0) == said
    assert _said(made_up[1:], 10.02) == []
