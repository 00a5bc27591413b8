from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.data.data_samples import sound, write_sound
from xtts_finetune.data.sound.audio import AudioError, load_audio, read_audio, seconds_of
from xtts_finetune.numbers.fixed import SAMPLE_RATE


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 11_025])
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_any_rate_becomes_22050_hz(tmp_path: Path, ending: str, rate: int):
    time = np.arange(rate) / rate
    soundfile.write(tmp_path / f"a.{ending}", 0.5 * np.sin(2 * np.pi * 440 * time), rate)
    wave = read_audio(tmp_path / f"a.{ending}")
    assert wave.dtype == np.float32 and wave.ndim == 1
    assert abs(len(wave) - SAMPLE_RATE) <= 1
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(wave)) / SAMPLE_RATE)
    inner = slice(500, -500)
    assert np.abs(wave - expected)[inner].max() < 2e-3


def test_stereo_becomes_the_mean_of_its_channels(tmp_path: Path):
    left, right = sound(0.5, 1), sound(0.5, 2)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], 1), SAMPLE_RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), (left + right) / 2, atol=1e-6)


def test_samples_stay_within_one(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", 3 * sound(0.5, 1), SAMPLE_RATE, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "a.wav")).max() <= 1.0


def test_the_same_samples_are_the_same_sound_in_any_lossless_file(tmp_path: Path):
    files = [write_sound(tmp_path / name, seed=3) for name in ("a.wav", "b.flac", "ünnep nap.aiff")]
    stereo = write_sound(tmp_path / "c.wav", seed=3, channels=2)
    other = write_sound(tmp_path / "d.wav", seed=4)
    assert len({load_audio(file).sha256 for file in [*files, stereo]}) == 1
    assert load_audio(other).sha256 != load_audio(files[0]).sha256


def test_the_rate_is_part_of_the_sound(tmp_path: Path):
    samples = sound(0.5, 1)
    for rate in (22_050, 24_000):
        soundfile.write(tmp_path / f"{rate}.wav", samples, rate)
    assert load_audio(tmp_path / "22050.wav").sha256 != load_audio(tmp_path / "24000.wav").sha256


def test_a_long_file_is_cut_before_it_fills_the_memory(tmp_path: Path):
    write_sound(tmp_path / "a.wav", seconds=5)
    assert len(load_audio(tmp_path / "a.wav", at_most_seconds=1.0).wave) == SAMPLE_RATE
    assert seconds_of(tmp_path / "a.wav") == pytest.approx(5)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a sound at all" * 100])
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "a.wav").write_bytes(content)
    for read in (read_audio, seconds_of):
        with pytest.raises(AudioError, match=r"\w+"):
            read(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, value: float):
    wave = sound(0.5, 1)
    wave[100] = value
    soundfile.write(tmp_path / "a.wav", wave, SAMPLE_RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match="not numbers"):
        read_audio(tmp_path / "a.wav")


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(AudioError):
        read_audio(tmp_path / "none.wav")
