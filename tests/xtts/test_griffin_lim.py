"""Our Griffin-Lim is librosa's, but for rounding."""

from __future__ import annotations

import numpy as np
import pytest

from xtts_finetune.machine.packages import librosa_loaded
from xtts_finetune.xtts.speech.mel_inversion import griffin_lim

HOP, SIZE = 64, 256
librosa = librosa_loaded()


def magnitude(count: int, seed: int = 3) -> np.ndarray:
    """(bins, count) of a tone that rises, in a little noise."""
    generator = np.random.default_rng(seed)
    time = np.arange((count - 1) * HOP) / 22_050
    wave = 0.3 * np.sin(2 * np.pi * (400 + 3000 * time) * time) + 0.01 * generator.standard_normal(len(time))
    return np.abs(librosa.stft(wave.astype(np.float32), n_fft=SIZE, hop_length=HOP))


@pytest.mark.parametrize("count", [6, 60])
@pytest.mark.parametrize(("iterations", "tolerance"), [(0, 1e-6), (1, 1e-6), (5, 1e-4)])
def test_it_is_librosas(count: int, iterations: int, tolerance: float) -> None:
    wanted = magnitude(count)
    theirs = librosa.griffinlim(wanted, n_iter=iterations, hop_length=HOP, n_fft=SIZE, momentum=0.99, random_state=4)
    ours = griffin_lim(wanted, HOP, iterations, 0.99, seed=4)
    assert (ours.shape, ours.dtype) == (theirs.shape, np.float32)
    assert np.allclose(ours, theirs, atol=tolerance)


def test_many_iterations_come_as_near_as_librosas() -> None:
    """Rounding grows with each of them, so that only how good the result is can be compared."""
    wanted = magnitude(120)
    theirs = librosa.griffinlim(wanted, n_iter=60, hop_length=HOP, momentum=0.99, random_state=4)
    ours = griffin_lim(wanted, HOP, 60, 0.99, seed=4)
    far = [np.linalg.norm(np.abs(librosa.stft(wave, n_fft=SIZE, hop_length=HOP)) - wanted) for wave in (ours, theirs)]
    assert far[0] < 1.02 * far[1] and far[0] < 0.1 * np.linalg.norm(wanted)


def test_silence_stays_silent() -> None:
    assert not griffin_lim(np.zeros((SIZE // 2 + 1, 9), np.float32), HOP, 3, 0.99, seed=0).any()
