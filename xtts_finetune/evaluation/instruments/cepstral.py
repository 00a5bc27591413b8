"""How far the sound of a line is from its recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from xtts_finetune.evaluation.instruments.frames import Wave, frames_of
from xtts_finetune.evaluation.instruments.instrument import Instrument, Shown, Sound, Take
from xtts_finetune.machine.packages import librosa_loaded
from xtts_finetune.records.heard.scores import Reading, UtteranceScores

SAMPLE_RATE = 16_000
FRAME, HOP = 1024, 160
MEL_BANDS = 80
COEFFICIENTS = 13
# Beneath this, relative to the peak, there is room and hiss and no speech; without a floor it decides the distance.
FLOOR_DB = 60.0
# Fewer pairs of different texts do not tell how far apart such are.
FEWEST_PAIRS = 5


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


def _distance(own: Sound, other: Sound) -> float | None:
    return mel_cepstral_distance(own.wave, own.sample_rate, other.wave, other.sample_rate)


def _read(take: Take) -> Mapping[str, Reading]:
    return {} if take.recording is None else {"mcd_db": _distance(take.sound, take.recording)}


def _usual(recordings: Sequence[Take]) -> Mapping[str, Any]:
    """The least distance between two recordings of different texts, dB."""
    distances = [_distance(one.sound, next_.sound) for one, next_ in pairwise(recordings) if one.text != next_.text]
    known = [distance for distance in distances if distance is not None]
    return {"unlike_db": min(known) if len(known) >= FEWEST_PAIRS else None}


def _judge(take: Take, scores: UtteranceScores) -> tuple[float, float, str] | None:
    found, limit = scores.number("mcd_db"), take.voice.number("unlike_db")
    return (found, limit, "dB") if found is not None and limit is not None and found > limit else None


CEPSTRAL = Instrument(
    name="mcd_db",
    unit="dB",
    source="mel-cepstral distance, Kubichek 1993",
    better="lower",
    read=_read,
    note=lambda take: take,
    usual=_usual,
    fault="unlike its recording",
    judge=_judge,
    shown=(Shown("mcd_db", "distance", "{:.1f} dB from the recording"),),
    meaning="Mel-cepstral distance of a held-out line to its recording, in dB; lower is closer.",
    packages=("librosa",),
    nothing="no line of the eval set was spoken, or its recording is gone",
    version=0,
)
