"""Parts of a recording, wherever they lie and however the file is coded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.recordings.made import encode
from xtts_finetune.data.sound.streamed import open_stream
from xtts_finetune.recordings.sound.excerpts import excerpt, excerpts

RATE = 44_100
SPANS = [(-0.06, 0.5), (0.3, 2.0), (1.9, 2.0), (14.0, 15.25), (14.5, 26.0), (31.95, 33.0)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """32 s of noise and tones in two channels, as FLAC."""
    time = np.arange(32 * RATE) / RATE
    tones = 0.2 * np.sin(2 * np.pi * (200 + 40 * time) * time)
    noise = np.random.default_rng(1).normal(0, 0.05, (len(time), 2))
    path = tmp_path_factory.mktemp("excerpts") / "a.flac"
    soundfile.write(path, tones[:, None] + noise, RATE)
    return path


@pytest.fixture(scope="module")
def whole(recording: Path) -> np.ndarray:
    with open_stream(recording) as stream:
        return np.concatenate(list(stream.blocks(3.0, 22_050)))


def part(whole: np.ndarray, start: float, end: float) -> np.ndarray:
    first, last = round(start * 22_050), round(end * 22_050)
    inside = whole[max(0, first) : last]
    return np.pad(inside, (max(0, -first), last - max(0, first) - len(inside)))


def test_they_are_the_samples_of_the_whole_and_zeros_beyond_it(recording: Path, whole: np.ndarray):
    for (start, end), wave in zip(SPANS, excerpts(recording, SPANS, 22_050), strict=True):
        assert np.array_equal(wave, part(whole, start, end))


@pytest.mark.parametrize("span", SPANS)
def test_one_alone_is_found_at_once_and_is_the_same_within_16_bits(
    recording: Path, whole: np.ndarray, span: tuple[float, float]
):
    assert np.abs(excerpt(recording, *span, 22_050) - part(whole, *span)).max() < 2**-16


def test_one_of_a_lossy_file_is_the_same_as_in_a_pass_over_it(recording: Path, tmp_path: Path):
    wave, _ = soundfile.read(recording)
    soundfile.write(tmp_path / "mono.wav", wave.mean(axis=1), RATE)
    lossy = encode(tmp_path / "mono.wav", tmp_path / "a.mp3", "mp3")
    for span, wave in zip(SPANS, excerpts(lossy, SPANS, 22_050), strict=True):
        assert np.array_equal(excerpt(lossy, *span, 22_050), wave)
