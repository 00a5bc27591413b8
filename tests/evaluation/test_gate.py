"""The gate: real recordings pass it, and every fault put into them is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from xtts_finetune.evaluation.gate import Fault, faults_of, measure
from xtts_finetune.evaluation.instruments.frames import (
    CLIPS_FOR_A_PACE,
    FASTEST_PACE,
    HOP_SECONDS,
    SLOWEST_PACE,
    Pace,
    frames_of,
    spoken_characters,
    tells_its_length,
)
from xtts_finetune.evaluation.instruments.repeats import OF_A_LETTER, Repeat, repeated_in_text

RATE = 22_050
Wave = np.ndarray
Recording = tuple[Wave, str]


@pytest.fixture(scope="module")
def recordings(demo_folder: Path) -> list[Recording]:
    """All clips of the demo's voice with their texts."""
    files = []
    for line in (demo_folder / "data/set_a/metadata.csv").read_text(encoding="utf-8").splitlines():
        name, text, _ = line.split("|")
        files.append((demo_folder / f"data/set_a/wavs/{name}.flac", text))
    for line in (demo_folder / "data/set_b/metadata.csv").read_text(encoding="utf-8").splitlines()[1:]:
        file, text, _ = line.split("|")
        files.append((demo_folder / "data/set_b" / file, text))
    assert len(files) == 65
    return [(soundfile.read(file, dtype="float32")[0], text) for file, text in files]


@pytest.fixture(scope="module")
def pace(recordings: list[Recording]) -> Pace:
    return Pace.of([(text, len(wave) / RATE) for wave, text in recordings])


def names(wave: Wave, text: str, pace: Pace, cut: bool = False, rate: int = RATE) -> list[str]:
    return [fault.name for fault in faults_of(wave.astype(np.float32), rate, text, cut, pace)]


def test_every_recording_passes(recordings: list[Recording], pace: Pace) -> None:
    found = {text: faults_of(wave, RATE, text, False, pace) for wave, text in recordings}
    assert {text: faults for text, faults in found.items() if faults} == {}


def noise(samples: int, level: float) -> Wave:
    return level * np.random.default_rng(7).standard_normal(samples)


def level_of(wave: Wave) -> float:
    return float(np.sqrt(np.mean(wave**2)))


def stretched(wave: Wave, factor: float) -> Wave:
    """`factor` times as long; pitch goes down with it, which the gate must not mind."""
    return soxr.resample(wave, RATE, round(RATE * factor))


def cut_in_a_vowel(wave: Wave) -> Wave:
    """Without what comes after the loudest tenth of a second of the last third."""
    power = np.convolve(wave**2, np.ones(RATE // 10), "same")
    return wave[: int(np.argmax(np.where(np.arange(len(wave)) > 2 * len(wave) // 3, power, 0)))]


def said_again(wave: Wave) -> Wave:
    """With 0.8 s from the middle said twice, faded over 5 ms as where one word runs into the next."""
    start, length, fade = len(wave) // 4, round(0.8 * RATE), round(0.005 * RATE)
    rise = np.linspace(0.0, 1.0, fade)
    first, again = wave[: start + length].copy(), wave[start:].copy()
    again[:fade] = rise * again[:fade] + (1 - rise) * first[-fade:]
    return np.concatenate([first[:-fade], again])


def in_the_middle(wave: Wave, inserted: Wave) -> Wave:
    half = len(wave) // 2
    return np.concatenate([wave[:half], inserted, wave[half:]])


def in_a_vowel(wave: Wave, inserted: Wave) -> Wave:
    """At the loudest place of the middle third: in a pause that is there already, both would add up."""
    power, third = np.convolve(wave**2, np.ones(RATE // 10), "same"), len(wave) // 3
    place = third + int(np.argmax(power[third : 2 * third]))
    return np.concatenate([wave[:place], inserted, wave[place:]])


HARMLESS: dict[str, Callable[[Wave], Wave]] = {
    "up to full scale": lambda w: 0.99 * w / np.abs(w).max(),
    "15 dB quieter": lambda w: w * 10 ** (-15 / 20),
    "half a second of silence at both ends": lambda w: np.pad(w, RATE // 2),
    "a pause between sentences": lambda w: in_a_vowel(w, np.zeros(round(0.4 * RATE))),
    "a hissing microphone": lambda w: w + noise(len(w), level_of(w) * 10 ** (-20 / 20)),
    "an eighth slower": lambda w: stretched(w, 1.125),  # and lower: the ends of its sentences creak
    "a fifth faster": lambda w: stretched(w, 1 / 1.2),
}
HARMFUL: dict[str, tuple[Callable[[Wave], Wave], str]] = {
    "silence": (np.zeros_like, "near silent"),
    "40 dB quieter": (lambda w: w / 100, "near silent"),
    "nothing": (lambda w: w[:0], "near silent"),
    "white noise": (lambda w: noise(len(w), 0.1), "noise"),
    "rumble": (lambda w: 0.01 * np.cumsum(noise(len(w), 0.1)), "noise"),
    "noise as loud as the voice": (lambda w: w + noise(len(w), level_of(w)), "noise"),
    "clipped": (lambda w: np.clip(2 * w / np.abs(w).max(), -1, 1), "clipping"),
    "clipped, then lowered": (lambda w: 0.4 * np.clip(2 * w / np.abs(w).max(), -1, 1), "clipping"),
    "a long pause": (lambda w: in_the_middle(w, np.zeros(round(1.5 * RATE))), "long pause"),
    "noise for a second and a half": (
        lambda w: in_the_middle(w, noise(round(1.5 * RATE), 0.02)),
        "long pause",
    ),
    "a noisy tail": (lambda w: np.concatenate([w, noise(RATE, 0.01)]), "unvoiced tail"),
    "cut off in a vowel": (cut_in_a_vowel, "cut end"),
    "half speed": (lambda w: stretched(w, 2.0), "too slow"),
    "silence to the limit": (lambda w: np.pad(w, (0, 8 * RATE)), "too slow"),
    "double speed": (lambda w: stretched(w, 0.5), "too fast"),
    "the first second alone": (lambda w: w[:RATE], "too fast"),
    "not a number": (lambda w: np.where(np.arange(len(w)) == 100, np.nan, w), "not finite"),
}


@pytest.mark.parametrize("change", HARMLESS)
def test_what_does_no_harm_passes(change: str, recordings: list[Recording], pace: Pace) -> None:
    assert [names(HARMLESS[change](wave), text, pace) for wave, text in recordings[::8]] == [[]] * 9


@pytest.mark.parametrize("change", HARMFUL)
def test_every_fault_is_named(change: str, recordings: list[Recording], pace: Pace) -> None:
    make, expected = HARMFUL[change]
    found = [names(make(wave), text, pace) for wave, text in recordings[::8]]
    assert [expected in faults for faults in found] == [True] * 9


def test_words_said_twice_are_heard(recordings: list[Recording], pace: Pace) -> None:
    found = [names(said_again(wave), text, pace) for wave, text in recordings[::4]]
    assert sum("repeat" in faults for faults in found) >= 14  # of 17; these texts repeat themselves too


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("No, no, you must not go.", 2),
        ("That was very, very good and very bad.", 4),
        ("He said he would.", 0),  # too far apart
        ("Was it green? I do not know whether it was very very late.", 0),  # elsewhere
        ("好好学习天天", 1),
        ("...", 0),
        ("", 0),
    ],
)
def test_words_that_a_text_has_twice_are_no_fault(text: str, letters: int) -> None:
    """The sound repeats itself within the first of three seconds, after 0.3."""
    found = Repeat(strength=2.0, begin=0.1, end=1.0, lag=0.3)
    assert repeated_in_text(text, found, (0.1, 3.0)) == pytest.approx(OF_A_LETTER * letters)


@pytest.mark.parametrize("sound", ["vowel", "hiss", "tone"])
def test_a_sound_that_goes_on_does_not_repeat_itself(sound: str) -> None:
    time = np.arange(3 * RATE) / RATE
    wave = {
        "vowel": 0.05 * sum(np.sin(2 * np.pi * 150 * n * time) / n for n in range(1, 20)),
        "hiss": noise(len(time), 0.1),
        "tone": 0.1 * np.sin(2 * np.pi * 200 * time),
    }[sound].astype(np.float32)
    assert measure(wave, RATE, "aaaa").repeated < 0.1


@pytest.mark.parametrize("change", ["silence", "clipped", "white noise", "a noisy tail", "double speed"])
def test_one_fault_is_not_taken_for_others(change: str, recordings: list[Recording], pace: Pace) -> None:
    make, expected = HARMFUL[change]
    assert [names(make(wave), text, pace) for wave, text in recordings[::8]] == [[expected]] * 9


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_the_sample_rate_makes_no_difference(rate: int, recordings: list[Recording], pace: Pace) -> None:
    for wave, text in recordings[::8]:
        assert names(soxr.resample(wave, RATE, rate), text, pace, rate=rate) == []
    hiss = noise(3 * rate, 0.1).astype(np.float32)
    assert [fault.name for fault in faults_of(hiss, rate, "Yes.", False, Pace())] == ["noise"]


def test_generation_that_reached_its_limit_is_cut(recordings: list[Recording], pace: Pace) -> None:
    wave, text = recordings[0]
    assert names(wave, text, pace, cut=True) == ["cut"]
    assert names(np.zeros_like(wave), text, pace, cut=True) == ["near silent", "cut"]


def test_a_fault_says_what_was_found_and_what_is_allowed() -> None:
    assert str(Fault("long pause", 1.5, 1.0, "s")) == "long pause: 1.5 s, limit 1"


def test_pauses_and_tails_are_measured_in_seconds() -> None:
    vowel = 0.2 * sum(np.sin(2 * np.pi * 150 * n * np.arange(RATE) / RATE) / n for n in range(1, 8))
    wave = np.concatenate([vowel, np.zeros(RATE // 2), vowel, noise(round(0.3 * RATE), 0.05)])
    measures = measure(wave.astype(np.float32), RATE, "aaaa")
    assert measures.longest_pause == pytest.approx(0.5, abs=0.05)
    assert measures.unvoiced_tail == pytest.approx(0.3, abs=0.05)
    assert measures.seconds == pytest.approx(2.8, abs=0.01)
    assert measures.voiced == pytest.approx(2.0 / 2.3, abs=0.05)
    assert measures.level == pytest.approx(20 * np.log10(level_of(vowel)), abs=1.0)
    assert measures.pace == pytest.approx(4 / 2.8, abs=0.01)


@pytest.mark.parametrize("pitch", [70, 120, 250, 450])
def test_voices_of_every_pitch_are_voiced(pitch: float) -> None:
    wave = sum(np.sin(2 * np.pi * pitch * n * np.arange(RATE) / RATE) / n for n in range(1, 8))
    assert frames_of((0.1 * wave).astype(np.float32), RATE).voiced.mean() > 0.95


@pytest.mark.parametrize("samples", [1, 2, 500, 1000])
def test_sounds_shorter_than_a_frame_can_be_read(samples: int) -> None:
    frames = frames_of(np.full(samples, 0.5, dtype=np.float32), RATE)
    assert len(frames.level) == len(frames.voiced) == samples // round(RATE * HOP_SECONDS) + 1
    faults_of(np.full(samples, 0.5, dtype=np.float32), RATE, "Yes.", False, Pace())


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("Hello.", 5),
        ('"Yes," she said.', 12),
        ("7 horses", 11),
        ("1984", 16),
        ("árvíztűrő", 9),
        ("नमस्ते", 6),
        ("你好。", 2),
        ("  ...  ", 0),
        ("", 0),
    ],
)
def test_characters_are_counted_as_they_are_spoken(text: str, characters: int) -> None:
    assert spoken_characters(text) == characters


@pytest.mark.parametrize(
    ("rates", "slowest", "fastest"),
    [
        ([15.0] * CLIPS_FOR_A_PACE, 15 / 1.4, 15 * 1.4),  # an even reader: the least factor
        ([5.0, 8.0, 10.0, 14.0, 15.0, 16.0, 21.0, 25.0, 26.0], 15 / 1.7, 15 * 1.7),  # uneven: the greatest
        ([15.0] * 20 + [1.0, 300.0], 15 / 1.4, 15 * 1.4),  # two wrong transcripts change nothing
        ([15.0] * (CLIPS_FOR_A_PACE - 1), SLOWEST_PACE, FASTEST_PACE),  # too few
        ([28.0] * 20, 20.0, FASTEST_PACE),
        ([3.0] * 20, SLOWEST_PACE, 4.2),
        ([], SLOWEST_PACE, FASTEST_PACE),
    ],
)
def test_a_voices_own_pace(rates: list[float], slowest: float, fastest: float) -> None:
    pace = Pace.of([("a" * 1000, 1000 / rate) for rate in rates])
    assert (pace.slowest, pace.fastest) == (pytest.approx(slowest), pytest.approx(fastest))


def test_clips_without_words_or_sound_do_not_count() -> None:
    good = [("a" * 30, 2.0)] * 10
    assert Pace.of([*good, ("...", 2.0), ("aaa", 0.0)]) == Pace.of(good)


def test_a_short_word_may_take_its_time(recordings: list[Recording], pace: Pace) -> None:
    wave, _ = recordings[0]
    assert "too slow" not in names(wave[: round(0.8 * RATE)], "Hello.", pace)
    assert "too slow" in names(wave[: 2 * RATE], "Hello.", pace)


@pytest.mark.parametrize("text", ["...", "— —", "  ", "🙂", "", '"'])
def test_nothing_is_a_right_way_to_say_a_text_without_words(text: str, recordings: list[Recording]) -> None:
    wave, _ = recordings[0]
    assert "no words" in [fault.name for fault in faults_of(wave, RATE, text, False, Pace())]
    assert spoken_characters(text) == 0


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("Hello.", True),
        ("你好", True),
        ("There are 7 horses and 12 birds in the garden.", True),
        ("777", False),
        ("1,000,000", False),
        ("٧٧٧", False),
        ("In 1984.", False),
        ("...", False),
    ],
)
def test_a_text_of_digits_does_not_tell_how_long_it_is(text: str, tells: bool) -> None:
    assert tells_its_length(text) == tells


def test_a_number_said_quickly_or_with_a_word_twice_is_no_fault(recordings: list[Recording]) -> None:
    """'1,000,000' is 28 characters as digits are counted, and two words; 'seventy-seven' repeats itself."""
    twice = np.tile(recordings[0][0][: RATE * 4 // 5], 2)
    assert "repeat" in [fault.name for fault in faults_of(twice, RATE, "seventyseven", False, Pace())]
    assert "repeat" in [fault.name for fault in faults_of(twice, RATE, "77", False, Pace(), "seventyseven")]
    for number in ("1,000,000,000,000", "77"):
        found = {fault.name for fault in faults_of(twice, RATE, number, False, Pace(2.5, 3.0))}
        assert not found & {"too fast", "too slow", "repeat"}
