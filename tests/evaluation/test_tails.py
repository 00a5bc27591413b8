"""Noise after the last word is cut off, and no consonant with it."""

from __future__ import annotations

import numpy as np
import pytest

from xtts_finetune.evaluation.tails import KEPT_SECONDS, WithoutTail, without_tail

RATE = 24_000


def vowel(seconds: float, pitch: float = 130.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return sum(0.1 / k * np.sin(2 * np.pi * pitch * k * time) for k in range(1, 12)).astype(np.float32)


def hiss(seconds: float, level: float = 0.05) -> np.ndarray:
    return np.random.default_rng(3).normal(0, level, round(seconds * RATE)).astype(np.float32)


def quiet(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_noise_after_the_last_vowel_goes(level: float) -> None:
    said = np.concatenate([quiet(0.1), vowel(0.6), hiss(2.0, level)])
    cut = without_tail(said, RATE)
    assert 0.7 + KEPT_SECONDS - 0.1 < len(cut) / RATE < 0.7 + KEPT_SECONDS + 0.1
    assert np.array_equal(cut[: -RATE // 10], said[: len(cut) - RATE // 10])
    assert abs(cut[-1]) < 1e-3


def test_noise_after_a_pause_goes_too() -> None:
    said = np.concatenate([vowel(0.6), quiet(1.0), hiss(0.7)])
    assert len(without_tail(said, RATE)) < 1.2 * RATE


@pytest.mark.parametrize(
    "said",
    [
        np.concatenate([vowel(0.4), hiss(0.45)]),
        np.concatenate([vowel(0.4), quiet(0.1), hiss(0.3), quiet(1.0)]),
        np.concatenate([hiss(0.3), vowel(0.4), quiet(2.0)]),
        np.concatenate([vowel(0.4), hiss(1.5), vowel(0.2)]),
        hiss(1.0),
        quiet(1.0),
        quiet(0.0),
    ],
    ids=["sixth", "stop and release", "silence", "speech again", "a whisper", "nothing", "no sample"],
)  # fmt: skip
def test_speech_stays_as_it_is(said: np.ndarray) -> None:
    assert np.array_equal(without_tail(said, RATE), said)


@pytest.mark.parametrize("step", [700, 5000, 30_000])
@pytest.mark.parametrize(
    "said",
    [
        np.concatenate([quiet(0.2), vowel(0.6), hiss(2.0)]),
        np.concatenate([vowel(0.4), hiss(1.5), vowel(0.2), quiet(0.4)]),
        hiss(0.5),
    ],
    ids=["a tail", "speech again", "a whisper"],
)  # fmt: skip
def test_in_parts_it_is_the_same(said: np.ndarray, step: int) -> None:
    parts = WithoutTail(RATE)
    given = [parts.more(said[start : start + step]) for start in range(0, len(said), step)]
    assert np.array_equal(np.concatenate([*given, parts.rest()]), without_tail(said, RATE))
    if step < 10_000 and len(said) > RATE:
        assert sum(map(len, given)) > len(vowel(0.4)), "sound is given before all of it is there"
