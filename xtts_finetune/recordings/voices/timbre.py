"""A voice by its timbre and pitch, where no speaker encoder is installed: weaker, above all for sisters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.evaluation.instruments.frames import HOP_SECONDS, frames_of
from xtts_finetune.evaluation.instruments.pitch import pitch_of
from xtts_finetune.machine.packages import librosa_loaded

Wave = NDArray[np.float32]

RATE, WINDOW, BANDS, HIGHEST_HZ = 16_000, 1024, 40, 7000
CEPSTRUM = 16
SIZE = CEPSTRUM + 1
# Of mel powers: 90 dB beneath the loudest.
FLOOR = 1e-9


class Timbre:
    """Mean mel cepstrum of the voiced frames, and the pitch, each against the mean of many voices."""

    def embed(self, wave: Wave, rate: int) -> NDArray[np.float32] | None:
        """(17,) of unit length for (samples,); None where hardly anything is voiced."""
        raw = features(wave, rate)
        if raw is None:
            return None
        scaled = (raw - CENTRE) / SPREAD
        return np.asarray(scaled / np.linalg.norm(scaled), dtype=np.float32)


def features(wave: Wave, rate: int) -> NDArray[np.float64] | None:
    """(17,): sixteen cepstral coefficients without the level, and the pitch in octaves."""
    import soxr  # noqa: PLC0415
    from scipy.fft import dct  # noqa: PLC0415  heavy

    low = soxr.resample(wave, rate, RATE) if rate != RATE else wave
    frames = frames_of(low, RATE)
    pitch = pitch_of(low, RATE, frames)
    if pitch is None:
        return None
    mel: Any = librosa_loaded().feature.melspectrogram(
        y=low, sr=RATE, n_fft=WINDOW, hop_length=round(RATE * HOP_SECONDS), n_mels=BANDS, fmax=HIGHEST_HZ
    )
    voiced = mel[:, : len(frames.voiced)][:, frames.voiced[: mel.shape[1]]]
    log = np.log(np.maximum(voiced, FLOOR * max(float(mel.max()), FLOOR)))
    cepstrum = dct(log, axis=0, norm="ortho")[1 : CEPSTRUM + 1].mean(axis=1)
    return np.append(cepstrum, np.log2(pitch.median))


# Of 16 natural voices, women and men: their mean, and by how much the sentences of one voice differ.
CENTRE = np.array(
    [16.8, 1.8, 5.1, -0.7, 1.2, -0.8, -1.1, -1.1, -0.5, -1.0, -0.5, -0.3, -0.6, -0.7, -0.7, -0.5, 7.1], dtype=np.float64
)
SPREAD = np.array(
    [0.75, 0.74, 0.71, 0.58, 0.39, 0.31, 0.28, 0.33, 0.27, 0.21, 0.22, 0.17, 0.16, 0.19, 0.16, 0.15, 0.1],
    dtype=np.float64,
)
