"""Texts for the demo's voice are new to it and the same each time; short clips are cut where text and sound agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.demo_texts import ordinary, share, short, spread, wilson
from benchmarks.short_clips import pieces_of

RATE = 22_050


def test_ordinary_texts_are_different_and_the_same_each_time() -> None:
    texts = ordinary(50, seed=1)
    assert len(set(texts)) == 50
    assert texts == ordinary(60, seed=1)[:50]
    assert texts != ordinary(50, seed=2)


def test_short_texts_have_three_words_at_most() -> None:
    texts = short(100, seed=1)
    assert len(set(texts)) == 100
    assert all(1 <= len(text.split()) <= 3 for text in texts)


def test_spread_texts_are_far_apart() -> None:
    assert spread([str(number) for number in range(10)], 3) == ["0", "3", "6"]


def test_a_share_has_its_interval() -> None:
    low, high = wilson(5, 50)
    assert (round(low, 3), round(high, 3)) == (0.043, 0.214)
    assert share(0, 10).startswith("0 of 10, 0.0 % (0.0 to 27.8)")


@pytest.mark.parametrize(
    ("text", "sounds", "pieces"),
    [
        ("One two three. Four five six.", (1.0, 1.0), ["One two three.", "Four five six."]),
        ("One two three. Four five six.", (2.0,), []),  # no pause
        ("One two three. Four five six.", (0.3, 2.0), []),  # the pause is elsewhere
        ("One two three, four five six.", (1.0, 1.0), []),  # one sentence
    ],
)
def test_a_clip_is_cut_at_its_pause(text: str, sounds: tuple[float, ...], pieces: list[str], tmp_path: Path) -> None:
    parts = []
    for seconds in sounds:
        parts += [0.3 * np.sin(2 * np.pi * 150 * np.arange(round(seconds * RATE)) / RATE), np.zeros(round(0.4 * RATE))]
    soundfile.write(tmp_path / "clip.wav", np.concatenate(parts[:-1]), RATE)
    found = list(pieces_of(text, tmp_path / "clip.wav"))
    assert [piece for piece, _, _ in found] == pieces
    for (_, wave, rate), seconds in zip(found, sounds, strict=False):
        assert seconds <= len(wave) / rate <= seconds + 0.2
