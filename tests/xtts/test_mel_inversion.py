"""A mel back to sound, measured against the mel it was made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from xtts_finetune.numbers.fixed import HOP, SAMPLE_RATE
from xtts_finetune.xtts.encoder import dvae_mel
from xtts_finetune.xtts.speech.mel_inversion import below_clipping, invert_mel, mel_filters, power_spectrum


@pytest.fixture(scope="module")
def recording(demo_folder: Path) -> np.ndarray:
    wave, rate = soundfile.read(str(demo_folder / "data/set_a/wavs/demo_a_001.flac"), dtype="float32")
    assert rate == SAMPLE_RATE
    return wave


def log_mel(wave: np.ndarray) -> torch.Tensor:
    mel = dvae_mel(torch.ones(80))
    return mel(torch.from_numpy(wave)[None])[0]


def test_the_spectrum_found_has_the_mel_asked_for(recording: np.ndarray) -> None:
    mel = log_mel(recording).exp()
    filters = mel_filters()
    power = torch.from_numpy(power_spectrum(mel, filters))
    assert (power >= 0).all()
    again = (filters.T @ power).clamp(min=1e-5)
    assert (again.log() - mel.log()).abs().mean() < 0.01


def test_the_sound_has_the_mel_asked_for(recording: np.ndarray) -> None:
    asked = log_mel(recording)
    wave = invert_mel(asked, mel_filters())
    assert wave.dtype == np.float32
    assert len(wave) == asked.shape[1] * HOP
    found = log_mel(wave)[:, : asked.shape[1]]
    # A pseudo-inverse with the same Griffin-Lim has 0.47.
    assert (found - asked).abs().mean() < 0.25
    assert np.abs(wave).max() == pytest.approx(np.abs(recording).max(), rel=0.3)


def test_the_same_mel_gives_the_same_sound(recording: np.ndarray) -> None:
    asked = log_mel(recording)[:, :40]
    first = invert_mel(asked, mel_filters())
    torch.rand(3)  # random numbers drawn elsewhere make no difference
    np.random.random(3)
    assert np.array_equal(first, invert_mel(asked, mel_filters()))


@pytest.mark.parametrize("level", [-1e6, -11.5, 7.0, 1e6])
def test_no_level_breaks_it(level: float) -> None:
    wave = invert_mel(torch.full((80, 4), level), mel_filters())
    assert len(wave) == 4 * HOP
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() <= 1.0


def test_only_what_would_clip_is_lowered() -> None:
    quiet, loud = np.array([0.5, -0.9], dtype=np.float32), np.array([0.5, -2.0], dtype=np.float32)
    assert below_clipping(quiet) is quiet
    assert below_clipping(loud) == pytest.approx([0.2475, -0.99])
    assert len(below_clipping(np.zeros(0, dtype=np.float32))) == 0
