"""Voices made of those that the corpus has: another length of the vocal tract and pitch, and another microphone.

A codec and a GPT that hear 55 voices of one synthesiser memorise these and know no other. So the codec learns on
mels whose frequencies are stretched (vocal tract length perturbation, Jaitly and Hinton 2013) and coloured by a random
smooth curve, another one each time; and the GPT on three speakers for every voice, two of them played faster or slower
(speed perturbation, Ko et al. 2015).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

import librosa
import numpy as np
import soxr
import torch
from corpus import Clip
from mels import CHANNELS
from voices import SAMPLE_RATE

STRETCHES = tuple(float(each) for each in np.geomspace(0.8, 1.25, 19))
UNCHANGED = 0.15
"""Share of the clips that stay as they are."""
COLOUR = 0.8
"""Nats of power: the standard deviation of each wave of the curve that is added to the mel; among the voices of the
corpus the mean of a channel varies by 0.5 to 1.5."""
WAVES = 4
GAPS, WIDEST_GAP = 0.4, 16
SPEEDS = (0.89, 1.12)
"""Of the two more speakers that each voice gives. Pitch goes with it: 2 semitones."""


def as_another(mel: torch.Tensor, mel_stats: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """(80, frames) normalised mel, as another speaker and microphone would have it."""
    if rng.random() < UNCHANGED:
        return mel
    stretched = stretching(STRETCHES[rng.integers(len(STRETCHES))]) @ (mel * mel_stats[:, None])
    return (stretched + colour(rng)[:, None]).clamp_min(float(np.log(1e-5))) / mel_stats[:, None]


def with_a_gap(mel: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """The same, sometimes with a band of channels at their mean (SpecAugment, Park et al. 2019): nothing may hang on
    one band alone."""
    if rng.random() > GAPS:
        return mel
    width = int(rng.integers(4, WIDEST_GAP))
    first = int(rng.integers(CHANNELS - width))
    masked = mel.clone()
    masked[first : first + width] = masked[first : first + width].mean()
    return masked


@cache
def stretching(factor: float) -> torch.Tensor:
    """(80, 80): takes a mel to one whose frequencies are `factor` times as high; linear between channels."""
    centres = librosa.mel_frequencies(CHANNELS + 2, fmin=0.0, fmax=8000.0)[1:-1]
    places = np.interp(centres / factor, centres, np.arange(CHANNELS))
    below = np.minimum(places.astype(int), CHANNELS - 2)
    matrix = np.zeros((CHANNELS, CHANNELS), dtype=np.float32)
    rows = np.arange(CHANNELS)
    matrix[rows, below] = 1.0 - (places - below)
    matrix[rows, below + 1] = places - below
    return torch.from_numpy(matrix)


def colour(rng: np.random.Generator) -> torch.Tensor:
    """(80,) a smooth curve over the channels, its mean included: a microphone, a room, how near somebody stands."""
    channels = np.linspace(0.0, np.pi, CHANNELS)
    waves = [rng.normal() * np.cos(number * channels) / max(number, 1) for number in range(WAVES + 1)]
    return torch.from_numpy((COLOUR * np.sum(waves, axis=0)).astype(np.float32))


def with_other_speeds(clips: Iterable[Clip]) -> Iterator[Clip]:
    """Each clip, and the same as two other speakers say it, who are other voices."""
    for clip in clips:
        yield clip
        for speed in SPEEDS:
            audio = soxr.resample(clip.audio, SAMPLE_RATE * speed, SAMPLE_RATE).astype(np.float32)
            yield replace(clip, voice=f"{clip.voice}@{speed}", audio=audio)
