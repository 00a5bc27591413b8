"""Music, applause, noise and levels unlike the rest are found in a stretch; speech alone gives no alarm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from tests.recordings.made import RATE, clip_texts
from xtts_finetune.recordings.sound.disturbances import Usual, level_of, reasons_of

Wave = NDArray[np.float32]
ROOM = 0.0003
# Speech of the demo's clips, as a root mean square.
SPEECH = 0.08


@dataclass(frozen=True)
class Clip:
    wave: Wave
    words: tuple[tuple[float, float], ...]


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Twelve clips as loud as each other, in a room that can just be heard."""
    found = []
    for number, (file, _) in enumerate(clip_texts()[:12]):
        wave, rate = soundfile.read(file, dtype="float32")
        assert rate == RATE
        wave = np.pad(wave * (SPEECH / np.sqrt(np.mean(wave**2))), RATE // 10) + noise(len(wave) + RATE // 5, number)
        found.append(Clip(wave.astype(np.float32), words_in(wave)))
    return found


@pytest.fixture(scope="module")
def usual(clips: list[Clip]) -> Usual:
    return usual_of(clips)


def usual_of(clips: Sequence[Clip]) -> Usual:
    ends = np.cumsum([len(level_of(clip.wave, RATE)) for clip in clips]) / 100
    spans = [(start, end) for start, end in zip((0.0, *ends[:-1]), ends, strict=True)]
    return Usual.of(np.concatenate([level_of(clip.wave, RATE) for clip in clips]), spans)


def words_in(wave: Wave) -> tuple[tuple[float, float], ...]:
    """Where the voice is louder than a pause."""
    loud = level_of(wave, RATE) > -50.0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(int))) / 100
    return tuple((float(start), float(end)) for start, end in zip(edges[::2], edges[1::2], strict=True))


def noise(samples: int, seed: int = 0, size: float = ROOM) -> Wave:
    return (size * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def tone(hertz: float, seconds: float, harmonics: int = 6) -> Wave:
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * hertz * k * time) / k**1.5 for k in range(1, harmonics))
    return np.asarray(wave * np.minimum(1.0, np.minimum(time, seconds - time) / 0.02), dtype=np.float32)


def chords(seconds: float) -> Wave:
    scale = [(0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 3, 7)]
    parts = [
        np.sum([tone(220 * 2 ** (note / 12), 1.2) for note in scale[n % 4]], axis=0) for n in range(int(seconds) + 1)
    ]
    return of_size(np.concatenate(parts)[: round(seconds * RATE)])


def arpeggio(seconds: float) -> Wave:
    notes = [tone(330 * 2 ** ((0, 4, 7, 12)[n % 4] / 12), 0.25) for n in range(int(4 * seconds) + 1)]
    return of_size(np.concatenate(notes)[: round(seconds * RATE)])


def drums(seconds: float) -> Wave:
    """A kick and three hi-hats, twice a second."""
    time = np.arange(RATE // 2) / RATE
    beat = np.sin(2 * np.pi * (60 * time + 8 * (1 - np.exp(-time / 0.03)))) * np.exp(-time / 0.08)
    for place, start in enumerate((0.0, 0.125, 0.25, 0.375)):
        at = round(start * RATE)
        beat[at:] += noise(len(beat) - at, place, 0.3) * np.exp(-time[: len(beat) - at] / 0.01)
    return of_size(np.tile(beat, int(2 * seconds) + 1)[: round(seconds * RATE)])


def applause(seconds: float, people: int = 25) -> Wave:
    generator = np.random.default_rng(1)
    wave, clap = np.zeros(round(seconds * RATE)), np.exp(-np.arange(400) / 80)
    for _ in range(people):
        at = generator.uniform(0, 0.3)
        while at < seconds - 0.1:
            place = round(at * RATE)
            wave[place : place + 400] += generator.uniform(0.3, 1) * generator.standard_normal(400) * clap
            at += generator.uniform(0.22, 0.32)
    return of_size(np.convolve(wave, [0.5, 0.5], "same"))


def of_size(wave: NDArray[np.floating], size: float = SPEECH) -> Wave:
    return np.asarray(wave * (size / np.sqrt(np.mean(np.square(wave)))), dtype=np.float32)


def kinds(wave: Wave, words: Sequence[tuple[float, float]], usual: Usual) -> list[str]:
    return [reason.kind for reason in reasons_of(wave, words, usual)]


def test_speech_alone_gives_no_reason(clips: list[Clip], usual: Usual) -> None:
    assert [kinds(clip.wave, clip.words, usual) for clip in clips] == [[]] * len(clips)


def test_speech_in_which_no_word_was_heard_is_not_called_music(clips: list[Clip], usual: Usual) -> None:
    assert [kinds(clip.wave, (), usual) for clip in clips] == [[]] * len(clips)


@pytest.mark.parametrize("made", [chords, arpeggio, drums])
def test_music_alone_is_named(made: Callable[[float], Wave], usual: Usual) -> None:
    for seconds in (2.0, 6.0, 20.0):
        music = made(seconds)
        assert kinds(music + noise(len(music)), (), usual) == ["music"]


@pytest.mark.parametrize("beneath", [5, 10, 15, 20])
def test_music_under_words_is_found(clips: list[Clip], usual: Usual, beneath: int) -> None:
    for clip in clips[:6]:
        music = chords(len(clip.wave) / RATE + 1)[: len(clip.wave)] * 10 ** (-beneath / 20)
        assert kinds(clip.wave + music, clip.words, usual) == ["music"]


def test_music_is_found_where_all_of_the_recording_has_it(clips: list[Clip]) -> None:
    music = [chords(len(clip.wave) / RATE + 1)[: len(clip.wave)] * 10 ** (-15 / 20) for clip in clips]
    under = [Clip(clip.wave + behind, clip.words) for clip, behind in zip(clips, music, strict=True)]
    found = [kinds(clip.wave, clip.words, usual_of(under)) for clip in under]
    assert found.count(["music"]) >= 10


def test_the_hum_of_the_mains_is_no_music(clips: list[Clip], usual: Usual) -> None:
    for mains in (50.0, 60.0):
        wave = clips[0].wave
        time = np.arange(len(wave)) / RATE
        hum = sum(np.sin(2 * np.pi * mains * k * time + k) / k for k in range(1, 9))
        assert kinds((wave + 0.0005 * hum).astype(np.float32), clips[0].words, usual) == []


def test_applause_and_steady_noise_are_told_apart(usual: Usual) -> None:
    clapping = applause(3.0)
    assert kinds(clapping + noise(len(clapping)), (), usual) == ["applause"]
    assert kinds(noise(3 * RATE, size=0.02), (), usual) == ["noise"]


def test_silence_and_a_cough_have_no_name(usual: Usual) -> None:
    cough = noise(4 * RATE)
    burst = noise(RATE // 3, 1, 0.2) * np.exp(-np.arange(RATE // 3) / 2000).astype(np.float32)
    cough[RATE : RATE + len(burst)] += burst
    assert kinds(noise(4 * RATE), (), usual) == kinds(np.zeros(RATE, np.float32), (), usual) == []
    assert kinds(cough, (), usual) == []


def test_noise_that_the_rest_of_the_recording_lacks_is_found(clips: list[Clip], usual: Usual) -> None:
    clip = clips[0]
    assert kinds(clip.wave + noise(len(clip.wave), 1, 0.006), clip.words, usual) == ["noise"]
    everywhere = [Clip(each.wave + noise(len(each.wave), 1, 0.006), each.words) for each in clips]
    assert [kinds(each.wave, each.words, usual_of(everywhere)) for each in everywhere] == [[]] * len(clips)


def test_a_stretch_far_quieter_than_the_rest_is_found(clips: list[Clip], usual: Usual) -> None:
    assert kinds(clips[0].wave * 0.1, clips[0].words, usual) == ["too quiet"]
    assert kinds(clips[0].wave * 0.5, clips[0].words, usual) == []


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_clipping_is_found_though_the_sound_was_resampled_since(clips: list[Clip], usual: Usual, rate: int) -> None:
    found = []
    for clip in clips:
        wave = soxr.resample(clip.wave, RATE, rate)
        ceiling = np.percentile(np.abs(wave), 97)
        clipped = soxr.resample(np.clip(wave, -ceiling, ceiling), rate, RATE)
        found.append("clipped" in kinds(clipped, clip.words, usual))
        beyond = soxr.resample(np.clip(wave / ceiling, -1.0, 1.0), rate, RATE)
        assert "clipped" in kinds(beyond, clip.words, usual)
    assert sum(found) >= 9  # of 12: where it was lowered, resampling rounds what was cut off


def test_a_stretch_of_nothing_has_no_reason(usual: Usual) -> None:
    assert reasons_of(np.zeros(0, np.float32), (), usual) == reasons_of(np.zeros(300, np.float32), (), usual) == ()
    assert Usual.of(np.zeros(0), []).floor < -60.0
