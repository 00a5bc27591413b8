"""Sounds that a recording has beside speech: music, coughs, applause, a room. Each (samples, 2) float32 at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from benchmarks.recordings.voices import RATE

Stereo = NDArray[np.float32]
PROGRESSIONS = ((0, 9, 5, 7), (0, 5, 9, 7), (9, 5, 0, 7), (0, 7, 9, 5), (2, 7, 0, 9))
MINOR = {9, 2, 4}
MUSIC_DBFS, APPLAUSE_DBFS, COUGH_DBFS = -21.0, -25.0, -22.0


def music(seconds: float, seed: int, drums: bool) -> Stereo:
    """A chord progression in arpeggios over a bass, with a pad of strings or with drums, in a small hall."""
    rng = np.random.default_rng(seed)
    beat, root = 60 / rng.uniform(84, 126), 48 + int(rng.integers(-4, 6))
    progression = PROGRESSIONS[int(rng.integers(len(PROGRESSIONS)))]
    out = np.zeros((int((seconds + 3) * RATE), 2), dtype=np.float32)
    for step in range(int(seconds / (beat / 2))):
        at, bar = step * beat / 2, int(step // 8)
        chord = progression[bar % len(progression)]
        thirds = (0, 3, 7, 12) if chord in MINOR else (0, 4, 7, 12)
        note = root + chord % 12 + thirds[[0, 1, 2, 3, 2, 1, 2, 1][step % 8]] + 12
        add(out, at, tone(note, 1.2, decay=3.5, brightness=0.5), 0.35, pan=0.3 * np.sin(step))
        if step % 4 == 0:
            add(out, at, tone(root + chord % 12 - 12, 1.5, decay=2.0, brightness=0.35), 0.55)
        if step % 8 == 0 and not drums:
            for third in thirds[:3]:
                add(out, at, pad(root + chord % 12 + third, beat * 4), 0.16, pan=0.5 * (third - 3) / 4)
        if drums:
            add(out, at, rng.normal(size=2000) * np.exp(-np.arange(2000) / 350), 0.05, pan=0.4)
            if step % 4 == 0:
                add(out, at, kick(), 0.8)
            if step % 4 == 2:
                add(out, at, rng.normal(size=6000) * np.exp(-np.arange(6000) / 1500), 0.16)
    tail = rng.normal(size=(RATE // 2, 2)) * np.exp(-np.arange(RATE // 2) / (0.12 * RATE))[:, None]
    wet = np.stack([fftconvolve(out[:, side], tail[:, side])[: len(out)] for side in (0, 1)], axis=1)
    out = (out + 0.02 * wet)[: int(seconds * RATE)].astype(np.float32)
    return at_level(faded(out, 0.4, 1.2), MUSIC_DBFS)


def tone(note: int, seconds: float, decay: float, brightness: float) -> NDArray[np.float64]:
    times = np.arange(int(seconds * RATE)) / RATE
    pitch = 440 * 2 ** ((note - 69) / 12)
    partials = sum(
        brightness**number * np.sin(2 * np.pi * pitch * number * times) * np.exp(-times * decay * (0.6 + 0.4 * number))
        for number in range(1, 9)
        if pitch * number < RATE / 2.5
    )
    return np.asarray(partials * np.minimum(1, times / 0.004))


def pad(note: int, seconds: float) -> NDArray[np.float64]:
    times = np.arange(int(seconds * RATE)) / RATE
    pitch = 440 * 2 ** ((note - 69) / 12) * (1 + 0.003 * np.sin(2 * np.pi * 5 * times))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    saw = sum(np.sin(number * phase) / number**1.4 for number in range(1, 12))
    return np.asarray(saw * np.minimum(1, np.minimum(times / 0.25, (times[-1] - times) / 0.3)))


def kick() -> NDArray[np.float64]:
    times = np.arange(int(0.25 * RATE)) / RATE
    return np.asarray(np.sin(2 * np.pi * (48 * times + 9 * (1 - np.exp(-times * 30)))) * np.exp(-times * 14))


def cough(seed: int) -> Stereo:
    """Two or three bursts of breath through a throat: an opening of 30 ms, then a longer, darker one."""
    rng = np.random.default_rng(seed)
    bursts = []
    for _ in range(int(rng.integers(2, 4))):
        size = int(rng.uniform(0.2, 0.35) * RATE)
        times = np.arange(size) / RATE
        breath = rng.normal(size=size)
        throat = sum(resonance(breath, centre, width) for centre, width in ((650, 220), (1450, 350), (2700, 700)))
        pulses = (np.sin(2 * np.pi * rng.uniform(95, 160) * times) > 0.85) * (times > 0.05) * 2.5
        voiced = sum(resonance(pulses, centre, width) for centre, width in ((550, 120), (1100, 180)))
        shape = np.minimum(1, times / 0.006) * (np.exp(-times * 28) * 1.6 + 0.5 * np.exp(-times * 9))
        bursts += [(throat + 0.4 * voiced) * shape, np.zeros(int(rng.uniform(0.03, 0.14) * RATE))]
    mono = np.concatenate(bursts)
    return at_level(faded(np.stack([mono, 0.8 * mono], axis=1).astype(np.float32), 0.003, 0.03), COUGH_DBFS)


def applause(seconds: float, seed: int) -> Stereo:
    """Some fifty people who clap, each at a pace and with hands of their own."""
    rng = np.random.default_rng(seed)
    out = np.zeros((int((seconds + 0.2) * RATE), 2), dtype=np.float32)
    for _ in range(50):
        size = int(rng.uniform(0.008, 0.02) * RATE)
        centre, pace, pan, loud = (
            rng.uniform(700, 2600),
            rng.uniform(0.18, 0.36),
            rng.uniform(-0.9, 0.9),
            rng.uniform(0.2, 1),
        )
        at = rng.uniform(0, 0.8)
        while at < seconds - rng.uniform(0, 0.5):
            clap = resonance(rng.normal(size=size * 3) * np.exp(-np.arange(size * 3) / size), centre, centre * 0.6)
            add(out, at, clap, loud, pan)
            at += pace * rng.normal(1, 0.07)
    return at_level(faded(out[: int(seconds * RATE)], 0.3, 1.5), APPLAUSE_DBFS)


def room(samples: int, rng: np.random.Generator, dbfs: float = -66.0) -> Stereo:
    """The noise of a quiet room: falling towards the highs, another in each channel, with a trace of hum."""
    noise = lfilter([0.06], [1, -0.94], rng.normal(size=(samples, 2)), axis=0)
    noise = noise / np.sqrt(np.square(noise).mean()) * 10 ** (dbfs / 20)
    hum = 10 ** ((dbfs - 8) / 20) * np.sin(2 * np.pi * 60 * np.arange(samples) / RATE)[:, None]
    return np.asarray(noise + hum, dtype=np.float32)


def fan(samples: int, rng: np.random.Generator) -> Stereo:
    """A fan in the room: 40 dB louder than the room, some 20 dB beneath the speech."""
    air = resonance(rng.normal(size=samples), 420, 500) + 0.3 * rng.normal(size=samples) * 0.3
    return at_level(np.stack([air, air], axis=1).astype(np.float32), -43.0)


def resonance(sound: NDArray[np.float64], centre: float, width: float) -> NDArray[np.float64]:
    edges = [max(40.0, centre - width / 2), min(centre + width / 2, RATE * 0.45)]
    return np.asarray(sosfilt(butter(2, edges, "bandpass", fs=RATE, output="sos"), sound))


def add(out: Stereo, at: float, sound: NDArray[np.float64], gain: float, pan: float = 0.0) -> None:
    start = int(at * RATE)
    part = sound[: max(0, len(out) - start)]
    out[start : start + len(part), 0] += (part * gain * (1 - max(0.0, pan))).astype(np.float32)
    out[start : start + len(part), 1] += (part * gain * (1 + min(0.0, pan))).astype(np.float32)


def faded(sound: Stereo, attack: float, release: float) -> Stereo:
    rise, fall = int(attack * RATE), int(release * RATE)
    sound[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)[:, None]
    sound[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32)[:, None]
    return sound


def at_level(sound: Stereo, dbfs: float) -> Stereo:
    """With this level (root of the mean square) where it is audible; peaks stay beneath full scale."""
    power = np.square(sound).mean(axis=1)
    audible = power[power > power.max() * 1e-3]
    scaled = sound * (10 ** (dbfs / 20) / np.sqrt(audible.mean()))
    return np.asarray(scaled * min(1.0, 0.9 / np.abs(scaled).max()), dtype=np.float32)
