"""What is heard: equally loud, never limited, at one rate, without a name."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.evaluation.listening.spoken_run import RATE, voice
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.listening.plan import Sound
from xtts_finetune.evaluation.listening.sounds import damaged, loudness_of, match_loudness, pack_sounds

QUIET, LOUD, OTHER = Sound("base", "s1"), Sound("phase1", "s1"), Sound("reference", "0")


def write(folder: Path, **waves: np.ndarray) -> dict[str, Path]:
    files = {}
    for name, wave in waves.items():
        files[name] = folder / f"{name} őű.wav"
        soundfile.write(files[name], wave, RATE, subtype="FLOAT")
    return files


def unpack(flac: bytes) -> tuple[np.ndarray, int]:
    wave, rate = soundfile.read(io.BytesIO(flac), dtype="float32")
    return wave, rate


def test_all_are_equally_loud_whatever_they_were(tmp_path: Path) -> None:
    files = write(tmp_path, quiet=voice(1.5, 1, 0.08), loud=voice(2.0, 2, 0.9))
    other = tmp_path / "other.flac"
    soundfile.write(other, np.stack([voice(1.0, 3), voice(1.0, 3)], axis=1), 16_000)
    matched = pack_sounds({QUIET: files["quiet"], LOUD: files["loud"], OTHER: other})
    assert (matched.rate, matched.quieter) == (RATE, ())
    for packed in matched.sounds.values():
        wave, rate = unpack(packed.flac)
        assert rate == RATE and wave.ndim == 1
        assert loudness_of(wave, rate) == pytest.approx(matched.loudness, abs=0.1)
        assert np.abs(wave).max() <= 0.892
    assert matched.loudness == pytest.approx(-23, abs=0.01)


def test_a_high_peak_makes_all_quieter_and_is_not_cut() -> None:
    """One gain a sound: what is heard is the sound itself, only louder or quieter."""
    peaky = voice(2.0, 1, 0.1)
    peaky[9000] = 0.3
    waves = {QUIET: peaky, LOUD: voice(2.0, 2, 0.5)}
    gains, loudness, quieter = match_loudness(waves, RATE)
    assert -32 <= loudness < -23.5 and quieter == ()
    for sound, wave in waves.items():
        assert loudness_of(wave * np.float32(gains[sound]), RATE) == pytest.approx(loudness, abs=0.1)
        assert np.abs(wave * gains[sound]).max() <= 0.8914


def test_near_silence_and_a_lone_click_stay_quiet_and_spare_the_others() -> None:
    click = np.zeros(RATE, np.float32)
    click[5000] = 1.0
    silence = np.zeros(RATE, np.float32)
    hiss = voice(1.0, 4, 0.001)
    waves = {Sound("base", "click"): click, Sound("base", "hiss"): hiss, LOUD: voice(1.0, 2, 0.5)}
    gains, loudness, quieter = match_loudness({**waves, Sound("base", "silence"): silence}, RATE)
    assert loudness >= -32.1
    assert loudness_of(waves[LOUD] * np.float32(gains[LOUD]), RATE) == pytest.approx(loudness, abs=0.1)
    assert gains[Sound("base", "hiss")] <= 10 and gains[Sound("base", "silence")] == 1
    assert {sound.of for sound in quieter} >= {"hiss", "silence"}


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.39, 0.41])
def test_short_sounds_have_a_loudness_too(seconds: float) -> None:
    assert -30 < loudness_of(voice(seconds, 1, 0.5), RATE) < -5


def test_the_anchor_lacks_its_high_tones_alone() -> None:
    wave = voice(1.0, 1)
    spectrum = np.abs(np.fft.rfft(np.stack([wave, damaged(wave, RATE, "low-pass")])))
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    low, high = hertz < 3000, hertz > 4500
    assert np.allclose(spectrum[1, low], spectrum[0, low], rtol=0.3, atol=spectrum.max() * 0.01)
    assert spectrum[1, high].sum() < 0.02 * spectrum[0, high].sum()


def test_other_damages() -> None:
    wave = voice(1.0, 1)
    assert len(damaged(wave, RATE, "cut")) == int(0.6 * len(wave))
    noise = damaged(wave, RATE, "noise") - wave
    assert 20 * np.log10(np.std(wave) / np.std(noise)) == pytest.approx(12, abs=0.5)
    assert damaged(wave, RATE, "") is wave


def test_a_long_recording_fades_out_and_a_long_utterance_stays_whole(tmp_path: Path) -> None:
    files = write(tmp_path, long=np.tile(voice(2.0, 1), 7))
    matched = pack_sounds({OTHER: files["long"], QUIET: files["long"]})
    assert matched.sounds[OTHER].seconds == pytest.approx(12)
    assert matched.sounds[QUIET].seconds == pytest.approx(14)
    assert abs(unpack(matched.sounds[OTHER].flac)[0][-1]) < 1e-3


def test_nothing_but_sound_is_packed(tmp_path: Path) -> None:
    file = tmp_path / "phase1 secret.wav"
    with soundfile.SoundFile(file, "w", RATE, 1, format="WAV", subtype="PCM_16") as tagged:
        tagged.title, tagged.artist, tagged.comment = "secret title", "secret artist", "secret comment"
        tagged.write(voice(0.5, 1))
    assert b"secret" in file.read_bytes()
    flac = pack_sounds({LOUD: file}).sounds[LOUD].flac
    assert flac.startswith(b"fLaC")
    assert b"secret" not in flac and b"phase1" not in flac


@pytest.mark.parametrize("content", [b"", b"RIFF no sound", None])
def test_a_damaged_sound_is_said(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "s1.wav"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=r"s1\.wav: the sound cannot be read"):
        pack_sounds({LOUD: file})
