"""Faults beside the voice's own recordings: what is sound in itself, but not this voice or not this text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xtts_finetune.evaluation.gate import Fault
from xtts_finetune.evaluation.instruments.pitch import semitones_between
from xtts_finetune.evaluation.instruments.similarity import WINDOW_SECONDS
from xtts_finetune.evaluation.voice import Voice
from xtts_finetune.records.scores import UtteranceScores

# Of the recordings' own similarity. Strangers have 0.5 to 0.75; a demo model of a few million weights 0.8 to 0.95.
LEAST_SIMILARITY = 0.75
# Semitones: the least that counts, and how many deviations of the recordings' own medians.
PITCH_SEMITONES, PITCH_DEVIATIONS = 4.0, 3.0
# dB beneath the recordings. Microphones and vocoders differ by 5; a low-pass at 3.5 kHz takes 20 and more.
TREBLE_LOSS = 15.0
# Marks beneath the recordings.
NOISE_LOSS = 1.0
# As factors: as many deviations of the recordings as lie within these.
LENGTH_DEVIATIONS, LENGTH_FACTOR = 3.0, (1.3, 1.7)
# Seconds of speech to expect; a word or two may be drawn out or be hasty.
SHORTEST_LENGTH = 1.5


@dataclass(frozen=True)
class Heard:
    """An utterance as it is compared.

    scores          its readings
    speech_seconds  without silence at the ends
    """

    scores: UtteranceScores
    speech_seconds: float


def faults_beside(voice: Voice, heard: Heard) -> list[Fault]:
    """The readings that are too far from the voice's recordings; nothing where there is nothing to compare."""
    found = [_other_voice(heard), _pitch(voice, heard), _length(voice, heard), _dull(voice, heard)]
    return [fault for fault in (*found, _noisy(voice, heard), *_words(voice, heard)) if fault is not None]


def _other_voice(heard: Heard) -> Fault | None:
    similarity = heard.scores.similarity
    if similarity is None or heard.speech_seconds < WINDOW_SECONDS or similarity >= LEAST_SIMILARITY:
        return None
    return Fault("other voice", similarity, LEAST_SIMILARITY, "of the recordings' own similarity")


def _pitch(voice: Voice, heard: Heard) -> Fault | None:
    if not heard.scores.f0_median_hz or not voice.f0_median_hz or voice.f0_deviation is None:
        return None
    semitones = semitones_between(heard.scores.f0_median_hz, voice.f0_median_hz)
    limit = max(PITCH_SEMITONES, PITCH_DEVIATIONS * voice.f0_deviation)
    return Fault("other pitch", semitones, limit, "semitones") if abs(semitones) > limit else None


def _length(voice: Voice, heard: Heard) -> Fault | None:
    ratio = heard.scores.duration_ratio
    if not ratio or voice.length_deviation is None or heard.speech_seconds / ratio < SHORTEST_LENGTH:
        return None
    limit = float(np.clip(np.exp(LENGTH_DEVIATIONS * voice.length_deviation), *LENGTH_FACTOR))
    if ratio > limit:
        return Fault("odd length", ratio, limit, "of the voice's usual length")
    return (
        Fault("odd length", ratio, 1.0 / limit, "of the voice's usual length") if ratio * limit < 1 else None
    )


def _dull(voice: Voice, heard: Heard) -> Fault | None:
    if heard.scores.treble_db is None or voice.treble_db is None:
        return None
    limit = voice.treble_db - TREBLE_LOSS
    treble = heard.scores.treble_db
    return Fault("dull", treble, limit, "dB above 4 kHz") if treble < limit else None


def _noisy(voice: Voice, heard: Heard) -> Fault | None:
    if heard.scores.noise_mos is None or voice.noise_mos is None:
        return None
    limit = voice.noise_mos - NOISE_LOSS
    return Fault("noisy", heard.scores.noise_mos, limit, "of 5") if heard.scores.noise_mos < limit else None


def _words(voice: Voice, heard: Heard) -> list[Fault]:
    found = []
    margin, distance = heard.scores.text_margin, heard.scores.mcd_db
    if margin is not None and margin < 0:
        found.append(Fault("wrong words", margin, 0.0, "of the letters, nearer to its own text"))
    if distance is not None and voice.unlike_db is not None and distance > voice.unlike_db:
        found.append(Fault("unlike its recording", distance, voice.unlike_db, "dB"))
    return found
