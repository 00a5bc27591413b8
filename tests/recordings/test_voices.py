"""Voices are told apart in a recording, with the speaker encoder and without it."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from tests.recordings.made import RATE, clip_texts
from xtts_finetune.evaluation.instruments.panel import NotMeasured
from xtts_finetune.recordings.voices import voices
from xtts_finetune.recordings.voices.voices import VoiceSorter

Wave = NDArray[np.float32]
TELLERS = [
    pytest.param("encoder", marks=pytest.mark.skipif(find_spec("resemblyzer") is None, reason="no resemblyzer")),
    "timbre",
]
# A voice that is so much deeper is another one, in pitch and in timbre.
DEEPER = 0.7


@pytest.fixture(scope="module")
def sentences() -> list[Wave]:
    return [soundfile.read(file, dtype="float32")[0] for file, _ in clip_texts()[:14]]


@pytest.fixture(params=TELLERS)
def sorter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> VoiceSorter:
    if request.param == "timbre":
        monkeypatch.setattr(voices, "installed_file", not_installed)
    return VoiceSorter()


def not_installed(package: str, name: str, install: str) -> None:
    raise NotMeasured(f"{package} is not installed: {install}")


def deeper(wave: Wave) -> Wave:
    return np.asarray(soxr.resample(wave, RATE * DEEPER, RATE), dtype=np.float32)


def sorted_voices(sorter: VoiceSorter, waves: list[Wave]) -> str:
    embeddings = [sorter.embed(wave, RATE) for wave in waves]
    known = [embedding for embedding in embeddings if embedding is not None]
    assert len(known) == len(waves)
    return "".join(sorter.sort(known, [len(wave) / RATE for wave in waves]))


def test_one_voice_is_one_voice(sorter: VoiceSorter, sentences: list[Wave]) -> None:
    assert sorted_voices(sorter, sentences) == "A" * 14


def test_two_voices_are_told_apart_and_a_is_who_speaks_most(sorter: VoiceSorter, sentences: list[Wave]) -> None:
    waves = [deeper(wave) if place in (0, 3, 4, 9) else wave for place, wave in enumerate(sentences)]
    assert sorted_voices(sorter, waves) == "BAABBAAAABAAAA"
    waves = [wave if place in (0, 3, 4, 9) else deeper(wave) for place, wave in enumerate(sentences)]
    assert sorted_voices(sorter, waves) == "BAABBAAAABAAAA"


def test_a_single_stretch_of_another_voice_is_found(sorter: VoiceSorter, sentences: list[Wave]) -> None:
    assert sorted_voices(sorter, [*sentences[:9], deeper(sentences[9])]) == "AAAAAAAAAB"


def test_short_stretches_go_to_the_voice_they_resemble(sorter: VoiceSorter, sentences: list[Wave]) -> None:
    short = [sentences[0][RATE // 2 : RATE * 3 // 2], deeper(sentences[1])[RATE // 2 : RATE * 3 // 2]]
    waves = [*sentences[2:8], *map(deeper, sentences[8:11]), *short]
    assert sorted_voices(sorter, waves) == "AAAAAABBBAB"


def test_a_quiet_voice_is_the_same_voice(sorter: VoiceSorter, sentences: list[Wave]) -> None:
    loud, quiet = sorter.embed(sentences[0], RATE), sorter.embed(sentences[0] * np.float32(0.02), RATE)
    assert loud is not None and quiet is not None
    assert float(loud @ quiet) > 0.999


def test_nothing_is_said_of_silence(sorter: VoiceSorter) -> None:
    assert sorter.embed(np.zeros(RATE, np.float32), RATE) is None
    assert sorter.embed(np.zeros(0, np.float32), RATE) is None
    assert sorter.sort([], []) == []


def test_one_voice_after_another_in_a_stretch_is_found(sorter: VoiceSorter, sentences: list[Wave]) -> None:
    pause = np.zeros(RATE // 4, np.float32)
    for first, second in ((sentences[0], sentences[1]), (sentences[2], sentences[3])):
        for one, other, changes in ((first, second, False), (first, deeper(second), True)):
            wave = np.concatenate([one, pause, other])
            middle = len(one) / RATE
            words = [(0.1, 0.5), (0.5, middle), (middle + 0.25, middle + 0.7), (middle + 0.7, len(wave) / RATE)]
            found = sorter.change_in(wave, words, RATE)
            assert [reason.kind for reason in found] == ["another voice"] * changes


def test_without_the_encoder_a_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "installed_file", not_installed)
    assert "pip install --no-deps resemblyzer" in (voices.encoder_missing() or "")


def test_many_voices_have_labels() -> None:
    own = np.eye(40, dtype=np.float32)
    labels = VoiceSorter().sort(list(own), [float(60 - place) for place in range(40)])
    assert labels[:3] == ["A", "B", "C"] and labels[25:28] == ["Z", "AA", "AB"]
