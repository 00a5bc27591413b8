"""Speech in files of each kind: what is written is what was said, and what cannot be written is refused before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.speaking.sound_file import KINDS, check_sound_file, writable_kinds, write_sound

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".mp3": "MP3", ".ogg": "OGG", ".opus": "OGG"}


def hum(seconds: float, rate: int) -> bytes:
    """16-bit samples of a tone of 220 Hz."""
    time = np.arange(round(seconds * rate)) / rate
    return (8000 * np.sin(2 * np.pi * 220 * time)).astype("<i2").tobytes()


@pytest.mark.parametrize("rate", [22_050, 24_000])
@pytest.mark.parametrize("ending", [*KINDS, ".MP3"])
def test_every_kind_holds_what_was_said(ending: str, rate: int, tmp_path: Path) -> None:
    path = tmp_path / f"szó – 1{ending}"
    check_sound_file(path)
    assert not list(tmp_path.iterdir())
    pieces = [hum(0.7, rate), b"", hum(0.4, rate)]
    assert write_sound(path, iter(pieces), rate) == path
    assert soundfile.info(path).format == FORMATS[ending.lower()]
    wave, written = soundfile.read(path)
    assert written == (24_000 if ending == ".opus" else rate)
    assert len(wave) / written == pytest.approx(1.1, abs=0.05)
    assert float(np.sqrt(np.mean(wave**2))) == pytest.approx(8000 / 32768 / np.sqrt(2), rel=0.03)
    spectrum = np.abs(np.fft.rfft(wave))
    assert np.fft.rfftfreq(len(wave), 1 / written)[spectrum.argmax()] == pytest.approx(220, abs=2)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_minutes_of_speech_go_into_ogg_vorbis(tmp_path: Path) -> None:
    """In one piece they overflow the stack of libsndfile's encoder."""
    write_sound(tmp_path / "long.ogg", [hum(120, 24_000)], 24_000)
    assert soundfile.info(tmp_path / "long.ogg").duration == pytest.approx(120, abs=0.1)


@pytest.mark.parametrize("ending", KINDS)
def test_a_file_is_whole_or_as_it_was(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"said{ending}"
    path.write_bytes(b"an older one")

    def interrupted() -> Iterator[bytes]:
        yield hum(0.5, 24_000)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sound(path, interrupted(), 24_000)
    assert path.read_bytes() == b"an older one"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match=r"x\.wav: could not be written"):
        write_sound(tmp_path / ("x" * 300) / "x.wav", [b""], 24_000)


def test_a_kind_that_this_libsndfile_lacks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As libsndfile before 1.1 has no MP3, and one built without its libraries no Opus."""
    formats = {name: words for name, words in soundfile.available_formats().items() if name != "MP3"}
    monkeypatch.setattr(soundfile, "available_formats", lambda: formats)
    monkeypatch.setattr(soundfile, "available_subtypes", lambda format: {"PCM_16": "", "VORBIS": ""})
    assert writable_kinds() == [".wav", ".flac", ".ogg"]
    for ending in (".mp3", ".opus"):
        with pytest.raises(UserError, match=r"with the libsndfile of this computer .*ends in .wav, .flac, .ogg"):
            check_sound_file(tmp_path / f"said{ending}")


@pytest.mark.parametrize("name", ["x" * 300 + ".wav", "said.wav/", "said.txt", "said.wav.bak", ".wav"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "said.wav").mkdir()
    with pytest.raises(UserError, match="-o: "):
        check_sound_file(tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == ["said.wav"]
