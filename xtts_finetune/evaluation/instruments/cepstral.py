"""How far the sound of a line is from its recording."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xtts_finetune.evaluation.instruments.frames import Wave, frames_of
from xtts_finetune.importing import librosa_loaded

SAMPLE_RATE = 16_000
FRAME, HOP = 1024, 160
MEL_BANDS = 80
COEFFICIENTS = 13
# Beneath this, relative to the peak, there is room and hiss and no speech; without a floor it decides the distance.
FLOOR_DB = 60.0


def mel_cepstral_distance(wave: Wave, sample_rate: int, recording: Wave, recorded_rate: int) -> float | None:
    """Mel-cepstral distance of two sounds (samples,) of one text in dB; None if either is silent.

    Kubichek 1993: (10 / ln 10) sqrt(2 sum of squared differences) of the mel cepstra 1 to 13, which is the
    RMS difference of two smoothed spectra; here averaged along the path of dynamic time warping, silence at
    both ends aside. c0, the level, is left out, and spectra end 60 dB beneath their peak.

    Two renderings by one reader lie some 5 to 7 dB apart; figures of other set-ups (bands, floor, alignment)
    cannot be compared. It hears words and colour; it neither hears melody nor pauses, which warping removes.
    """
    first, second = _cepstra(wave, sample_rate), _cepstra(recording, recorded_rate)
    if first is None or second is None:
        return None
    costs = np.sqrt(np.maximum(_squares(first, second), 0.0))
    _, path = librosa_loaded().sequence.dtw(C=costs)
    return float(costs[path[:, 0], path[:, 1]].mean() / np.sqrt(MEL_BANDS))


def _cepstra(wave: Wave, sample_rate: int) -> npt.NDArray[np.float64] | None:
    """(frames, 13) of what lies between the first audible frame and the last.

    An orthonormal cosine transform of dB: divided by the root of the number of bands, distances of it are
    Kubichek's (Parseval).
    """
    librosa = librosa_loaded()
    wave = librosa.resample(wave, orig_sr=sample_rate, target_sr=SAMPLE_RATE, res_type="soxr_hq")
    audible = np.flatnonzero(frames_of(wave, SAMPLE_RATE).audible)
    if not len(audible):
        return None
    spoken = wave[audible[0] * HOP : (audible[-1] + 1) * HOP]
    mels = librosa.feature.melspectrogram(
        y=spoken, sr=SAMPLE_RATE, n_fft=FRAME, hop_length=HOP, n_mels=MEL_BANDS, power=2.0
    )
    decibels = librosa.power_to_db(mels, ref=np.max, amin=1e-12, top_db=FLOOR_DB)
    cepstra = librosa.feature.mfcc(S=decibels, n_mfcc=COEFFICIENTS + 1, dct_type=2, norm="ortho")
    return np.asarray(cepstra[1:].T, dtype=np.float64)


def _squares(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(frames of first, frames of second) squared Euclidean distances."""
    own, other = (first**2).sum(axis=1), (second**2).sum(axis=1)
    return np.asarray(own[:, None] + other[None] - 2.0 * first @ second.T, dtype=np.float64)
