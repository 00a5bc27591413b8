"""The instruments that need no model: each reads from made sounds what was put into them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfiltfilt

from xtts_finetune.evaluation.gate import FAULT_NAMES
from xtts_finetune.evaluation.instruments import INSTRUMENTS
from xtts_finetune.evaluation.instruments.cepstral import mel_cepstral_distance
from xtts_finetune.evaluation.instruments.duration import FEWEST_RECORDINGS, START_SECONDS, UsualDuration
from xtts_finetune.evaluation.instruments.frames import frames_of
from xtts_finetune.evaluation.instruments.instrument import Sound
from xtts_finetune.evaluation.instruments.loudness import loudness_of
from xtts_finetune.evaluation.instruments.pitch import pitch_of, semitones_between
from xtts_finetune.evaluation.instruments.treble import treble_of
from xtts_finetune.machine.packages import librosa_loaded

RATE = 22_050
Wave = np.ndarray


def vowel(pitch: float | np.ndarray, seconds: float = 1.0) -> Wave:
    """Harmonics up to 8 kHz of a pitch in Hz, falling by 6 dB an octave."""
    count = round(seconds * RATE)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(pitch, count)) / RATE
    harmonics = range(1, int(8000 / np.max(pitch)))
    return (0.05 * sum(np.sin(n * phase) / n for n in harmonics)).astype(np.float32)


def test_the_document_has_every_instrument_as_it_is() -> None:
    page = (Path(__file__).parents[3] / "docs/instruments.md").read_text(encoding="utf-8")
    table = page.split("| reading | unit |")[1].split("\n\n")[0].splitlines()[2:]
    assert len(table) == len(INSTRUMENTS)
    for one, row in zip(INSTRUMENTS, table, strict=True):
        reading, unit, source, better, fault, _ = (cell.strip() for cell in row.strip("|").split(" | "))
        assert reading == ", ".join(f"`{name}`" for name in (one.name, *one.also))
        assert unit.startswith(one.unit) and source.startswith(one.source) and better == one.better
        assert fault.startswith(f"`{one.fault}`: " if one.fault else "none")


def test_what_instruments_are_called_is_told_apart() -> None:
    names = [name for one in INSTRUMENTS for name in (one.name, *one.also)]
    shown = [each for one in INSTRUMENTS for each in one.shown]
    faults = [*FAULT_NAMES, *(one.fault for one in INSTRUMENTS if one.fault)]
    for each in (names, [one.name for one in shown], faults):
        assert len(set(each)) == len(each)
    assert {one.key for one in shown} <= set(names)
    assert all(one.shown for one in INSTRUMENTS if one.meaning)  # the report's list of words calls it so
    assert all(bool(one.fault) == bool(one.judge) for one in INSTRUMENTS)
    assert all(one.averaged for one in INSTRUMENTS if one.card)


@pytest.fixture(scope="module")
def speech(demo_folder: Path) -> list[Wave]:
    files = sorted((demo_folder / "data/set_a/wavs").glob("*.flac"))[:3]
    return [soundfile.read(file, dtype="float32")[0] for file in files]


@pytest.mark.parametrize("pitch", [80.0, 140.0, 300.0])
def test_a_steady_voice_has_its_pitch_and_no_melody(pitch: float) -> None:
    wave = vowel(pitch)
    found = pitch_of(wave, RATE, frames_of(wave, RATE))
    assert found is not None
    assert found.median == pytest.approx(pitch, rel=0.01)
    assert found.spread < 0.5


def test_melody_is_measured_in_semitones() -> None:
    semitones = 2.0 * np.sin(2 * np.pi * 2.0 * np.arange(2 * RATE) / RATE)
    wave = vowel(150.0 * 2 ** (semitones / 12), 2.0)
    found = pitch_of(wave, RATE, frames_of(wave, RATE))
    assert found is not None
    assert found.spread == pytest.approx(2.0 / np.sqrt(2), rel=0.15)
    assert semitones_between(300.0, 150.0) == pytest.approx(12.0)


def test_what_has_no_voice_has_no_pitch() -> None:
    hiss = (0.1 * np.random.default_rng(1).standard_normal(RATE)).astype(np.float32)
    assert pitch_of(hiss, RATE, frames_of(hiss, RATE)) is None


def test_loudness_follows_the_level_and_not_the_pauses(speech: list[Wave]) -> None:
    loud = loudness_of(speech[0], RATE)
    assert loud is not None
    assert loudness_of(speech[0] / 2, RATE) == pytest.approx(loud - 6.02, abs=0.1)
    assert loudness_of(np.pad(speech[0], (0, 3 * RATE)), RATE) == pytest.approx(loud, abs=0.5)
    tone = np.sin(2 * np.pi * 997 * np.arange(2 * RATE) / RATE).astype(np.float32)
    assert loudness_of(tone, RATE) == pytest.approx(-3.01, abs=0.1)  # the standard's own check


@pytest.mark.parametrize("seconds", [0.0, 0.3, 2.0])
def test_silence_and_clicks_have_no_loudness(seconds: float) -> None:
    assert loudness_of(np.zeros(round(seconds * RATE), dtype=np.float32), RATE) is None


def test_a_low_pass_takes_the_treble(speech: list[Wave]) -> None:
    def treble(wave: Wave) -> float:
        found = treble_of(wave.astype(np.float32), RATE, frames_of(wave.astype(np.float32), RATE))
        assert found is not None
        return found

    low_pass = butter(8, 3500, fs=RATE, output="sos")
    for wave in speech:
        assert treble(sosfiltfilt(low_pass, wave)) < treble(wave) - 20
        assert treble(0.1 * wave) == pytest.approx(treble(wave), abs=0.5)
    assert treble_of(np.zeros(RATE, np.float32), RATE, frames_of(np.zeros(RATE, np.float32), RATE)) is None
    assert treble_of(speech[0], 8000, frames_of(speech[0], 8000)) is None


def test_silence_at_the_ends_is_not_spoken() -> None:
    wave = np.pad(vowel(150.0), RATE // 2)
    assert frames_of(wave, RATE).speech_seconds == pytest.approx(1.0, abs=0.05)
    assert frames_of(np.zeros(RATE, np.float32), RATE).speech_seconds == 0.0


def test_durations_are_compared_with_the_voices_own() -> None:
    recordings = [(count, START_SECONDS + 0.06 * count) for count in (30, 35, 40, 45, 50, 55, 60)]
    assert len(recordings) < FEWEST_RECORDINGS and UsualDuration.of(recordings) is None
    usual = UsualDuration.of([*recordings, (70, 20.0), (0, 3.0)])  # one stuck, one without words
    assert usual is not None
    assert usual.seconds(50) == pytest.approx(START_SECONDS + 3.0)
    assert usual.ratio(50, 2 * (START_SECONDS + 3.0)) == pytest.approx(2.0)
    assert usual.ratio(5, 0.6) == pytest.approx(1.0)


def test_cepstral_distance_is_kubicheks() -> None:
    """Two spectra that differ by a ripple of `a` dB over the mel bands differ by its RMS, a / sqrt(2)."""
    librosa = librosa_loaded()
    random = np.random.default_rng(3)
    hiss = random.standard_normal(16_000)
    spectrum = np.fft.rfft(hiss)
    mel = librosa.hz_to_mel(np.fft.rfftfreq(len(hiss), 1 / 16_000))
    ripple = 6.0 * np.cos(np.pi * 4 * mel / mel[-1])
    other = np.fft.irfft(spectrum * 10 ** (ripple / 20))
    found = mel_cepstral_distance((0.05 * hiss).astype(np.float32), 16_000, (0.05 * other).astype(np.float32), 16_000)
    assert found == pytest.approx(6.0 / np.sqrt(2), rel=0.1)


def test_cepstral_distance_hears_words_and_not_level_or_pace(speech: list[Wave]) -> None:
    import soxr

    first, second, _ = speech
    same = mel_cepstral_distance(first, RATE, first, RATE)
    quiet = mel_cepstral_distance(np.pad(first, RATE // 2) / 4, RATE, first, RATE)
    resampled = mel_cepstral_distance(soxr.resample(first, RATE, 24_000), 24_000, first, RATE)
    other = mel_cepstral_distance(second, RATE, first, RATE)
    assert same == pytest.approx(0.0, abs=1e-3)
    assert other is not None and quiet is not None and resampled is not None
    assert max(quiet, resampled) < 1.0 < 4.0 < other
    assert mel_cepstral_distance(np.zeros(RATE, np.float32), RATE, first, RATE) is None


def test_a_sound_is_read_at_its_own_rate(tmp_path: Path) -> None:
    file = tmp_path / "két hang.wav"
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1)
    soundfile.write(file, stereo, 24_000, subtype="FLOAT")
    sound = Sound.of(file)
    assert (sound.sample_rate, sound.wave.shape) == (24_000, (100,))
    assert sound.wave == pytest.approx(0.125)
    soundfile.write(file, np.full(100, np.nan), 24_000, subtype="FLOAT")
    with pytest.raises(ValueError, match="not numbers"):
        Sound.of(file)
    file.write_text("no sound", encoding="utf-8")
    with pytest.raises(OSError):
        Sound.of(file)
