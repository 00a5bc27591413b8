"""What is measured of a sound, and from where on it is odd: known sounds with known answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from xtts_finetune.data.findings import Measures, measure, sound_warnings
from xtts_finetune.data.sound.audio import AudioError, load_audio
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.records.clips import WarningKind

Wave = NDArray[np.float32]
FINE = Measures(level=-25.0, before=0.2, after=0.3, pause=0.5, clipped=0.0, longest_top=0.1)


def voice(seconds: float, level: float = 0.2, rate: int = SAMPLE_RATE, seed: int = 1) -> Wave:
    """Noise with the rise and fall of syllables, about as peaky as speech."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 1, len(time))
    return (level * noise * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time))).clip(-4 * level, 4 * level)


def silence(seconds: float, noise: float = 0.0005) -> Wave:
    return np.random.default_rng(2).normal(0, noise, round(seconds * SAMPLE_RATE)).astype(np.float32)


def measured(path: Path, wave: Wave, rate: int = SAMPLE_RATE, subtype: str = "PCM_16") -> Measures:
    soundfile.write(path / "a.wav", wave, rate, subtype=subtype)
    return measure(load_audio(path / "a.wav"))


def kinds(measures: Measures) -> set[WarningKind]:
    return {warning.kind for warning in sound_warnings(measures)}


def test_silences_are_measured_where_they_are(tmp_path: Path):
    parts = [silence(1.2), voice(1.0), silence(0.7), voice(0.5), silence(1.8), voice(1.0), silence(0.4)]
    found = measured(tmp_path, np.concatenate(parts))
    assert found.before == pytest.approx(1.2, abs=0.06)
    assert found.after == pytest.approx(0.4, abs=0.06)
    assert found.pause == pytest.approx(1.8, abs=0.08)
    assert kinds(found) == {WarningKind.SILENCE_AT_AN_END, WarningKind.PAUSE}


@pytest.mark.parametrize("level", [0.5, 0.05])
def test_the_level_is_that_of_what_is_heard(tmp_path: Path, level: float):
    wave = voice(1.0, level / 3)
    alone = measured(tmp_path, wave)
    assert alone.level == pytest.approx(20 * np.log10(np.sqrt(np.mean(wave**2))), abs=0.3)
    surrounded = measured(tmp_path, np.concatenate([0 * wave, wave, 0 * wave]))
    assert surrounded.level == pytest.approx(alone.level, abs=0.1)


@pytest.mark.parametrize("wave", [np.zeros(22_050), np.full(22_050, 0.3), np.zeros(100)])
def test_silence_has_no_level_even_with_an_offset(tmp_path: Path, wave: Wave):
    assert measured(tmp_path, wave).level == -120.0


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("gain, after, clipped", [(0.9, 1.0, False), (8.0, 1.0, True), (8.0, 0.5, True)])
def test_clipping_is_heard_in_any_format_even_if_the_sound_was_made_quieter_since(
    tmp_path: Path, rate: int, subtype: str, gain: float, after: float, clipped: bool
):
    speech = np.interp(np.arange(rate * 2) / rate, np.arange(8000) / 4000, voice(8000 / SAMPLE_RATE, 0.25))
    found = measured(tmp_path, after * (gain * speech).clip(-1, 1), rate, subtype)
    assert (WarningKind.CLIPPING in kinds(found)) == clipped


def test_one_clipped_channel_is_enough(tmp_path: Path):
    clean, clipped = voice(1.0, 0.1), (3 * voice(1.0, 0.4)).clip(-1, 1)
    found = measured(tmp_path, np.stack([clean, clipped], axis=1))
    assert kinds(found) == {WarningKind.CLIPPING}


def test_samples_beyond_full_scale_are_clipped_when_they_are_used(tmp_path: Path):
    assert kinds(measured(tmp_path, 6 * voice(1.0), subtype="FLOAT")) == {WarningKind.CLIPPING}


def test_a_recording_without_a_sample_is_no_sound(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0), SAMPLE_RATE)
    with pytest.raises(AudioError, match="holds no sound"):
        load_audio(tmp_path / "a.wav")


def test_what_is_fine_gives_no_warning():
    assert not list(sound_warnings(FINE))


def test_warnings_have_their_numbers():
    odd = Measures(level=-20.0, before=1.34, after=2.0, pause=3.21, clipped=0.0123, longest_top=5.5)
    clipping, ends, pause = (warning.detail for warning in sound_warnings(odd))
    assert clipping.startswith("1.2 % of the samples are in flat tops, the longest 5.5 ms")
    assert ends == "1.3 s of silence at the beginning and 2.0 s of silence at the end, at most 1 s"
    assert pause == "3.2 s of silence, at most 1.5 s"
