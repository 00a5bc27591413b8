"""Simple measures of a clip that tell speech from silence and noise before any model is asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
FRAME, HOP = 1024, 256


def _frames(audio: NDArray[np.float32], length: int = FRAME) -> NDArray[np.float32]:
    """(frames, length); a shorter clip is one frame padded with silence."""
    padded = np.pad(audio, (0, max(length - len(audio), 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::HOP]


def _loud(frames: NDArray[np.float32], floor_db: float) -> NDArray[np.bool_]:
    power = (frames**2).mean(axis=1)
    return np.asarray(power > max(float(power.max()), 1e-9) * 10 ** (floor_db / 10))


def voiced_share(audio: NDArray[np.float32], threshold: float = 0.2) -> float:
    """Share of frames within 30 dB of the loudest whose cumulative-mean-normalised difference dips below `threshold`.

    YIN's own criterion (de Cheveigne and Kawahara, 2002, steps 2 to 4), for pitches of 60 to 400 Hz.
    """
    shortest, longest = RATE // 400, RATE // 60
    frames = _frames(audio)
    window = FRAME - longest
    periodic = []
    for frame in frames[_loud(frames, -30.0)].astype(np.float64):
        squares = np.concatenate([[0.0], np.cumsum(frame**2)])
        energies = squares[window : window + longest + 1] - squares[: longest + 1]
        products = np.correlate(frame, frame[:window], mode="valid")[: longest + 1]
        difference = energies[0] + energies - 2 * products
        lags = np.arange(1, longest + 1)
        normalised = difference[1:] * lags / np.maximum(np.cumsum(difference[1:]), 1e-12)
        periodic.append(normalised[shortest - 1 :].min() < threshold)
    return float(np.mean(periodic))


def flatness(audio: NDArray[np.float32]) -> float:
    """Mean ratio of geometric to arithmetic mean of the power spectrum (Gray and Markel, 1974), silent frames aside."""
    frames = _frames(audio)
    spectra = np.abs(np.fft.rfft(frames[_loud(frames, -40.0)] * np.hanning(FRAME), axis=1)) ** 2 + 1e-10
    return float((np.exp(np.log(spectra).mean(axis=1)) / spectra.mean(axis=1)).mean())


def longest_pause_s(audio: NDArray[np.float32]) -> float:
    """The longest stretch more than 40 dB below the loudest frame, at the ends too."""
    runs, pause = [0], 0
    for loud in _loud(_frames(audio), -40.0):
        pause = 0 if loud else pause + 1
        runs.append(pause)
    return max(runs) * HOP / RATE
