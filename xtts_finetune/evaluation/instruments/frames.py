"""Speech in short frames: how loud, voiced and noise-like each is, and how fast the voice speaks. NumPy alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.spec.utterances import has_words

# Characters a second, for any voice and language: slow Mandarin, of one character a syllable, and hasty Spanish,
# of 8 syllables of less than 3 letters (5.2 and 7.8 syllables a second: Pellegrino, Coupé and Marsico 2011).
SLOWEST_PACE, FASTEST_PACE = 2.5, 30.0
# How far a pace may be from the voice's usual one, as a factor: three deviations of its clips, within these.
# Half and double speed are always beyond; the sentences of one reader differ by 1.3 either way.
PACE_FACTOR = (1.4, 1.7)
# Fewer clips do not say what a voice's usual pace is.
CLIPS_FOR_A_PACE = 8
# A digit is spoken as a word of about four letters.
CHARACTERS_OF_A_DIGIT = 4
# '1,000,000' is two words and '777' up to thirty letters: with more digits than this share of the characters, the
# length of a text could be wrong by more than `PACE_FACTOR`.
MOST_DIGITS = 1 / 3


@dataclass(frozen=True)
class Pace:
    """Characters a second, as `spoken_characters` counts them, that are neither too slow nor too fast."""

    slowest: float = SLOWEST_PACE
    fastest: float = FASTEST_PACE

    @classmethod
    def of(cls, clips: Sequence[tuple[str, float]]) -> Pace:
        """The pace of a voice from (text, seconds) of its recordings; any voice's if there are too few."""
        rates = [spoken_characters(text) / seconds for text, seconds in clips if seconds > 0]
        logs = np.log([rate for rate in rates if rate > 0])
        if len(logs) < CLIPS_FOR_A_PACE:
            return cls()
        usual = float(np.median(logs))
        deviation = 1.4826 * float(np.median(np.abs(logs - usual)))  # of a normal distribution, from its MAD
        factor = float(np.clip(np.exp(3.0 * deviation), *PACE_FACTOR))
        return cls(
            slowest=max(float(np.exp(usual)) / factor, SLOWEST_PACE),
            fastest=min(float(np.exp(usual)) * factor, FASTEST_PACE),
        )

    def at(self, speed: float) -> Pace:
        """The pace of speech that is asked to be `speed` times as fast."""
        return Pace(self.slowest * speed, self.fastest * speed)


def spoken_characters(text: str) -> int:
    """Letters with their marks, spaces inside and digits, which count as words; no punctuation. 0 without a word."""
    if not has_words(text):
        return 0
    kinds = [unicodedata.category(character)[0] for character in text.strip()]
    return sum(CHARACTERS_OF_A_DIGIT if kind == "N" else 1 for kind in kinds if kind in "LMNZ")


def tells_its_length(text: str) -> bool:
    """Whether the characters of `text` tell how long it is when spoken: it has words, and few of them are digits."""
    digits = sum(unicodedata.category(character)[0] == "N" for character in text)
    characters = spoken_characters(text)
    return characters > 0 and digits * CHARACTERS_OF_A_DIGIT <= MOST_DIGITS * characters


def paces_of(clips: Iterable[ClipRecord]) -> dict[str, Pace]:
    """The pace of a voice in each language of its clips."""
    spoken: dict[str, list[tuple[str, float]]] = {}
    for clip in clips:
        spoken.setdefault(clip.language, []).append((clip.text, clip.seconds))
    return {language: Pace.of(pairs) for language, pairs in spoken.items()}


Wave = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

HOP_SECONDS = 0.01
# Voices between a deep man's and a child's, in Hz.
LOWEST_PITCH, HIGHEST_PITCH = 60.0, 500.0
# As in YIN's paper, which compares 25 ms of sound with the sound one period later.
COMPARED_SECONDS = 0.025
# Share of a frame's power that one period leaves unexplained: about 0 in a vowel, about 1 in noise. YIN asks for
# less than 0.1 to find a pitch; here only voiced or not is asked, and vowels out of a vocoder are rougher.
VOICED_BELOW = 0.35
# A single periodic frame comes about in noise by chance; the shortest vowels take 30 ms.
SHORTEST_VOICED_FRAMES = 3
# Frames this far beneath the loudest are pauses: speech itself spans about 30 dB (ANSI S3.5).
AUDIBLE_BELOW_LOUDEST_DB = 35.0
AUDIBLE_DBFS = -60.0
SILENCE_DBFS = -180.0
# Where speech has its power, and what every sample rate from 16 000 Hz up can hold.
BAND_HZ = (100.0, 8000.0)
FRAMES_AT_ONCE = 512


@dataclass(frozen=True)
class Frames:
    """A sound every 10 ms; all arrays (frames,).

    level      RMS in dB beneath full scale (a square wave at full scale is 0)
    audible    whether there is sound: within 35 dB of the loudest frames and above -60 dBFS
    voiced     whether it is audible and periodic, as vowels and nasals are
    flatness   geometric over arithmetic mean of the power spectrum: about 0.56 in white noise, 0.02 in speech
    """

    level: Floats
    audible: Bools
    voiced: Bools
    flatness: Floats

    @property
    def speech_seconds(self) -> float:
        """Seconds from the first audible frame to the last: silence at the ends is not spoken. 0 for silence."""
        audible = np.flatnonzero(self.audible)
        return float(audible[-1] - audible[0] + 1) * HOP_SECONDS if len(audible) else 0.0


def frames_of(wave: Wave, sample_rate: int) -> Frames:
    """Frames of (samples,) at any sample rate from 8000 Hz; none if there is no sample.

    Voicing is YIN's cumulative mean normalised difference (de Cheveigné and Kawahara 2002, equation 8),
    computed by FFT: plain autocorrelation takes rumble and loud onsets for a voice.
    """
    if not len(wave):
        nothing = np.zeros(0)
        return Frames(nothing, nothing.astype(bool), nothing.astype(bool), nothing)
    blocks = [
        (_level(block), _unexplained(block, sample_rate), _flatness(block, sample_rate))
        for block in _blocks(wave, sample_rate)
    ]
    level, unexplained, flatness = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    loudest = float(np.percentile(level, 95))
    audible = level > max(loudest - AUDIBLE_BELOW_LOUDEST_DB, AUDIBLE_DBFS)
    return Frames(level, audible, _without_short_runs(audible & (unexplained < VOICED_BELOW)), flatness)


def _blocks(wave: Wave, sample_rate: int) -> Iterator[Floats]:
    """(frames, samples of one) without their means, some hundred at a time so that memory stays small."""
    length = _compared(sample_rate) + _longest_period(sample_rate)
    hop = round(HOP_SECONDS * sample_rate)
    padded = np.pad(wave, (length // 2, length // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        block = frames[start : start + FRAMES_AT_ONCE].astype(np.float64)
        yield block - block.mean(axis=1, keepdims=True)


def _level(block: Floats) -> Floats:
    power = np.mean(block**2, axis=1)
    return np.asarray(10.0 * np.log10(np.maximum(power, 10.0 ** (SILENCE_DBFS / 10.0))), dtype=np.float64)


def _unexplained(block: Floats, sample_rate: int) -> Floats:
    """(frames,) the least that any period of a voice leaves of the frame's power."""
    compared, longest = _compared(sample_rate), _longest_period(sample_rate)
    size = 1 << (block.shape[1] - 1).bit_length()  # what wraps around are lags that are not read
    spectrum = np.fft.rfft(block, size) * np.fft.rfft(block[:, :compared], size).conj()
    product = np.fft.irfft(spectrum, size)[:, : longest + 1]
    summed = np.pad(np.cumsum(block**2, axis=1), ((0, 0), (1, 0)))
    power = summed[:, compared : compared + longest + 1] - summed[:, : longest + 1]
    difference = np.maximum(power[:, :1] + power - 2.0 * product, 0.0)[:, 1:]
    mean_so_far = np.cumsum(difference, axis=1) / np.arange(1, longest + 1)
    shortest = round(sample_rate / HIGHEST_PITCH)
    normalised = difference / np.maximum(mean_so_far, 1e-12)
    return np.asarray(normalised[:, shortest - 1 :].min(axis=1), dtype=np.float64)


def _flatness(block: Floats, sample_rate: int) -> Floats:
    length = block.shape[1]
    frequencies = np.fft.rfftfreq(length, 1.0 / sample_rate)
    band = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    power = np.abs(np.fft.rfft(block * np.hanning(length))[:, band]) ** 2 + 1e-12
    return np.asarray(np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1), dtype=np.float64)


def _without_short_runs(voiced: Bools) -> Bools:
    """(frames,) with runs of voiced frames shorter than a vowel taken out."""
    edges = np.flatnonzero(np.diff(np.pad(voiced.astype(np.int8), 1)))
    kept = np.zeros_like(voiced)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        kept[start:end] = end - start >= SHORTEST_VOICED_FRAMES
    return kept


def _compared(sample_rate: int) -> int:
    return round(COMPARED_SECONDS * sample_rate)


def _longest_period(sample_rate: int) -> int:
    return round(sample_rate / LOWEST_PITCH)
