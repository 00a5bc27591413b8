"""Words that are said twice in a row though the text has them once: a well-known fault of models like XTTS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from xtts_finetune.evaluation.instruments.frames import HOP_SECONDS, Frames, Wave
from xtts_finetune.machine.packages import librosa_loaded

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SAMPLE_RATE = 16_000
FRAME, HOP = 512, round(HOP_SECONDS * SAMPLE_RATE)
MEL_BANDS, HIGHEST_HZ = 40, 7600
COEFFICIENTS = 12
FLOOR_DB = 50.0
# dB between the mel cepstra of two frames: of one sound said twice 2 to 5, of two sounds 6 to 12.
ALIKE_DB = 5.0
# What is said twice must change while it is said: a held vowel is like itself at any distance. Frames count
# as alike only if they are at most half as far apart as each is from those 60 to 160 ms around it.
AROUND = slice(6, 17)
ALIKE_SHARE = 0.5
# A pause is like any other pause: it ends what is alike slowly.
PAUSE_DB = -0.3
# Frames from a sound to its repetition: from a quick word to a phrase.
SHORTEST_LAG, LONGEST_LAG = 15, 250
# Frames between the end of a repeated stretch and its repetition: said twice in a row, not twice in a sentence.
LONGEST_GAP = 30
# What one letter that the text itself repeats may bring, dB s: what an exact copy of it does.
OF_A_LETTER = 0.2
# How far the place of a sound in its text may be guessed wrong, as a share of the text.
PLACE_TOLERANCE = 0.1
LAG_TOLERANCE = (0.6, 1.6)
# In scripts without spaces each character counts as a word.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True)
class Repeat:
    """The stretch that comes again soonest after its end and is most like its repetition.

    strength     by how much it is alike, summed over its time, dB s; 0 if nothing is said twice
    begin, end   seconds of both together
    lag          seconds from one to the other
    """

    strength: float = 0.0
    begin: float = 0.0
    end: float = 0.0
    lag: float = 0.0


def strongest_repeat(wave: Wave, sample_rate: int, frames: Frames) -> Repeat:
    """What of (samples,) is said twice in a row most clearly; `frames` are those of `wave`.

    Local alignment (Smith and Waterman 1981) of the sound with itself: along the best path mel cepstra are
    compared that lie 0.15 to 2.5 s apart, at up to twice or half the pace. It hears sounds, not words: a
    text that repeats itself does so too, see `repeated_in_text`.
    """
    if len(frames.audible) <= SHORTEST_LAG + AROUND.stop:
        return Repeat()
    return _best_path(_likeness(*_cepstra(wave, sample_rate, frames)))


def repeated_in_text(text: str, repeat: Repeat, spoken: tuple[float, float]) -> float:
    """Strength in dB s that the text itself accounts for: 'no, no', 'the old box, the old door'.

    spoken   seconds at which the speech of the text begins and ends

    Counted are the letters of words that come twice about where the sound does, next to each other or about
    as far apart, places in the text being guessed from places in time.
    """
    words = [match.group().casefold() for match in WORD.finditer(text)]
    letters = sum(map(len, words))
    if not letters or spoken[1] <= spoken[0]:
        return 0.0
    per_letter = (spoken[1] - spoken[0]) / letters
    first = (repeat.begin - spoken[0]) / per_letter - PLACE_TOLERANCE * letters
    last = (repeat.end - spoken[0]) / per_letter + PLACE_TOLERANCE * letters
    nearest, farthest = (repeat.lag / per_letter * factor for factor in LAG_TOLERANCE)
    places = [0, *accumulate(map(len, words))]
    explained = {
        later
        for later in range(len(words))
        for sooner in range(later)
        if words[sooner] == words[later]
        and (later == sooner + 1 or nearest <= places[later] - places[sooner] <= farthest)
        and first <= places[sooner]
        and places[later] <= last
    }
    return OF_A_LETTER * sum(len(words[index]) for index in explained)


def _cepstra(wave: Wave, sample_rate: int, frames: Frames) -> tuple[Floats, Bools]:
    """(frames, 12) mel cepstra 1 to 12, scaled so that their distance is in dB, and (frames,) audible."""
    librosa = librosa_loaded()
    wave = librosa.resample(wave, orig_sr=sample_rate, target_sr=SAMPLE_RATE, res_type="soxr_hq")
    mels = librosa.feature.melspectrogram(
        y=wave, sr=SAMPLE_RATE, n_fft=FRAME, hop_length=HOP, n_mels=MEL_BANDS, fmax=HIGHEST_HZ
    )
    decibels = librosa.power_to_db(mels, ref=np.max, amin=1e-12, top_db=FLOOR_DB)
    cepstra = librosa.feature.mfcc(S=decibels, n_mfcc=COEFFICIENTS + 1, norm="ortho")[1:].T
    count = min(len(cepstra), len(frames.audible))
    return np.asarray(cepstra[:count] / np.sqrt(MEL_BANDS), dtype=np.float64), frames.audible[:count]


def _likeness(cepstra: Floats, audible: Bools) -> Floats:
    """(frames, lags) by how many dB a frame and the one `lag` frames later are nearer than they must be."""
    count, lags = len(cepstra), min(LONGEST_LAG + 1, len(cepstra))
    apart = np.full((count, lags), np.inf)
    for lag in range(lags):
        apart[: count - lag, lag] = np.linalg.norm(cepstra[lag:] - cepstra[: count - lag], axis=1)
    around = np.nanmean(_around(apart), axis=1)
    allowed = np.minimum(ALIKE_DB, ALIKE_SHARE * around)
    likeness = np.full((count, lags), -np.inf)
    for lag in range(SHORTEST_LAG, lags):
        pair = slice(0, count - lag)
        gain = np.minimum(allowed[pair], allowed[lag:]) - apart[pair, lag]
        both = audible[pair] & audible[lag:]
        likeness[pair, lag] = np.where(both, np.maximum(gain, -ALIKE_DB), PAUSE_DB)
    return likeness


def _around(apart: Floats) -> Floats:
    """(frames, 22) distances of each frame to those 60 to 160 ms before and after it; NaN beyond the ends."""
    after = np.where(np.isfinite(apart[:, AROUND]), apart[:, AROUND], np.nan)
    before = np.full_like(after, np.nan)
    for column, lag in enumerate(range(apart.shape[1])[AROUND]):
        before[lag:, column] = after[: len(after) - lag, column]
    return np.concatenate([before, after], axis=1)


def _best_path(likeness: Floats) -> Repeat:
    """The path of greatest sum whose end lies before, or soon after, the beginning of its repetition.

    Rows are frames, columns lags. A step goes to the next frame at the same lag, or stretches one of the
    two sides, so that each column needs its neighbours of the two rows before.
    """
    count, lags = likeness.shape
    sums = np.zeros((count + 2, lags + 2))
    begins = np.zeros((count + 2, lags + 2), dtype=np.int64)  # of the path's first frame
    firsts = np.zeros_like(begins)  # lag there
    columns = np.arange(lags)
    best = (0.0, 0, 0, 0)
    for frame in range(count):
        row, last = frame + 2, frame + 1
        came = np.stack([sums[last, 1:-1], sums[last, :-2], sums[frame, 2:]])
        choice = came.argmax(axis=0)
        rows, places = np.array([last, last, frame])[choice], columns + np.array([1, 0, 2])[choice]
        reached = came[choice, columns]
        sums[row, 1:-1] = np.maximum(reached + likeness[frame], 0.0)
        begins[row, 1:-1] = np.where(reached > 0, begins[rows, places], frame)
        firsts[row, 1:-1] = np.where(reached > 0, firsts[rows, places], columns)
        gap = begins[row, 1:-1] + firsts[row, 1:-1] - frame
        found = np.where(gap <= LONGEST_GAP, sums[row, 1:-1], 0.0)
        top = int(found.argmax())
        if found[top] > best[0]:
            best = (float(found[top]), int(begins[row, top + 1]), frame + top, int(firsts[row, top + 1]))
    strength, begin, end, lag = (HOP_SECONDS * value for value in best)
    return Repeat(strength, begin, end + HOP_SECONDS, lag)
