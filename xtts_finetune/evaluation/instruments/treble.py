"""How bright a sound is: whether its upper half was lost on the way."""

from __future__ import annotations

import numpy as np

from xtts_finetune.evaluation.instruments.frames import Frames, Wave
from xtts_finetune.evaluation.instruments.instrument import Instrument, Take
from xtts_finetune.records.heard.scores import UtteranceScores

# Below lie the formants that make vowels, above the hiss that makes consonants; telephones cut near the border.
BORDER_HZ = 4000.0
BAND_HZ = (100.0, 8000.0)
LOWEST_RATE = 16_000
FRAME_SECONDS = 0.025
HOP_SECONDS = 0.01
FLOOR_DB = -90.0
# dB beneath the recordings. Microphones and vocoders differ by 5; a low-pass at 3.5 kHz takes 20 and more.
LOSS = 15.0


def treble_of(wave: Wave, sample_rate: int, frames: Frames) -> float | None:
    """Power from 4 to 8 kHz in dB over that from 0.1 to 4 kHz, of the audible `frames` of (samples,).

    A long-term average spectrum (Löfqvist 1986) in two bands. It differs between microphones and vocoders
    by several dB, so it is only compared with recordings of the same voice, and only a great loss counts.
    None for silence and for sample rates below 16 kHz.
    """
    if sample_rate < LOWEST_RATE or not frames.audible.any():
        return None
    length, hop = round(FRAME_SECONDS * sample_rate), round(HOP_SECONDS * sample_rate)
    padded = np.pad(wave, (length // 2, length // 2))
    blocks = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
    heard = blocks[: len(frames.audible)][frames.audible[: len(blocks)]]
    power = np.mean(np.abs(np.fft.rfft(heard * np.hanning(length), axis=1)) ** 2, axis=0)
    frequencies = np.fft.rfftfreq(length, 1.0 / sample_rate)
    low = power[(frequencies >= BAND_HZ[0]) & (frequencies < BORDER_HZ)].sum()
    high = power[(frequencies >= BORDER_HZ) & (frequencies <= BAND_HZ[1])].sum()
    if low <= 0:
        return None
    return float(max(10.0 * np.log10(max(high, 1e-30) / low), FLOOR_DB))


def _judge(take: Take, scores: UtteranceScores) -> tuple[float, float, str] | None:
    found, usual = scores.number("treble_db"), take.voice.number("treble_db")
    if found is None or usual is None or found >= usual - LOSS:
        return None
    return found, usual - LOSS, "dB above 4 kHz"


TREBLE = Instrument(
    name="treble_db",
    unit="dB",
    source="power above 4 kHz relative to that below",
    better="near the voice's own",
    read=lambda take: {"treble_db": treble_of(take.sound.wave, take.sound.sample_rate, take.sound.frames)},
    fault="dull",
    judge=_judge,
    version=0,
)
