"""Instruments that want a package: what they read where it is there, and what they say where it is not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from xtts_finetune.data.hearing.ears import Ears, identity
from xtts_finetune.data.hearing.models import RecogniserModel, installed_models
from xtts_finetune.evaluation.instruments import INSTRUMENTS
from xtts_finetune.evaluation.instruments.characters import (
    CHARACTERS,
    character_error_rate,
    margin_of_text,
    word_error_rate,
)
from xtts_finetune.evaluation.instruments.instrument import Sound, Take
from xtts_finetune.evaluation.instruments.noise import NoiseJudge
from xtts_finetune.evaluation.instruments.panel import NotMeasured, Panel, installed_file
from xtts_finetune.evaluation.instruments.recognisers import Command, Whisper, recogniser_for
from xtts_finetune.evaluation.instruments.similarity import (
    SpeakerEncoder,
    mean_voice,
    own_similarity,
    relative_similarity,
)
from xtts_finetune.spec.utterances import RecogniserSpec


def needs(package: str) -> pytest.MarkDecorator:
    from importlib.util import find_spec

    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


@pytest.fixture(scope="module")
def sounds(demo_folder: Path) -> list[Sound]:
    return [Sound.of(file) for file in sorted((demo_folder / "data/set_a/wavs").glob("*.flac"))[:5]]


def said_first(demo_folder: Path) -> str:
    """The text of the first of them."""
    lines = (demo_folder / "data/set_a/metadata.csv").read_text(encoding="utf-8").splitlines()
    return lines[0].split("|")[1]


@needs("resemblyzer")
def test_a_voice_is_like_itself_and_unlike_others(sounds: list[Sound]) -> None:
    import soxr

    encoder = SpeakerEncoder()
    embeddings = [encoder.embed(sound.wave, sound.sample_rate) for sound in sounds]
    known = [embedding for embedding in embeddings if embedding is not None]
    own = own_similarity(known)
    assert len(known) == 5 and min(own) > 0.85
    voice, usual = mean_voice(known[:-1]), float(np.mean(own))
    assert relative_similarity(known[-1], voice, usual) == pytest.approx(1.0, abs=0.05)
    higher = encoder.embed(soxr.resample(sounds[0].wave, 1.3 * 22_050, 22_050), 22_050)
    assert higher is not None
    assert relative_similarity(higher, voice, usual) < 0.75
    assert np.linalg.norm(higher) == pytest.approx(1.0, abs=1e-4)
    assert encoder.embed(np.zeros(22_050, np.float32), 22_050) is None
    assert "resemblyzer" not in sys.modules and "webrtcvad" not in sys.modules


@needs("speechmos")
@needs("onnxruntime")
def test_noise_behind_a_voice_costs_marks(sounds: list[Sound]) -> None:
    judge = NoiseJudge()
    wave = sounds[0].wave
    level = float(np.sqrt(np.mean(wave**2)))
    noisy = wave + (0.5 * level * np.random.default_rng(1).standard_normal(len(wave))).astype(np.float32)
    clean, spoiled = judge.background(wave, 22_050), judge.background(noisy, 22_050)
    assert clean is not None and spoiled is not None
    assert 5.0 > clean > spoiled + 1.0
    assert judge.background(wave[:0], 22_050) is None


@pytest.mark.parametrize(
    ("text", "heard", "rate"),
    [
        ("Hello, world!", "hello world", 0.0),
        ("abcd", "abxd", 0.25),
        ("abcd", "", 1.0),
        ("ab", "abcdef", 2.0),
        ("ÁRVÍZTŰRŐ", "árvíztűrő", 0.0),
        ("...", "anything", None),
    ],
)
def test_errors_are_counted_in_letters(text: str, heard: str, rate: float | None) -> None:
    assert character_error_rate(text, heard) == (None if rate is None else pytest.approx(rate))


def test_what_was_heard_is_nearer_to_its_own_text_than_to_others() -> None:
    texts = ["The captain walked down the road.", "We bought bread and milk.", "Good morning, teacher."]
    near = margin_of_text(texts[0], "the captain walk round the rode", texts)
    far = margin_of_text(texts[0], "we boat red and milk", texts)
    assert near is not None and far is not None
    assert near > 0.3 and far < -0.3
    assert margin_of_text("Yes.", "yes", texts) is None  # too short to tell
    assert margin_of_text(texts[0], "the captain", [texts[0]]) is None


@pytest.mark.parametrize(
    ("text", "heard", "language", "rate"),
    [
        ("There are 7 horses.", "there are seven horses", "en", 0.0),
        ("Seven horses.", "7 horses!", "en", 0.0),
        ("one two three four", "one too three", "en", 0.5),
        ("...", "anything", "en", None),
        ("你好", "你好", "zh-cn", None),
    ],
)
def test_errors_are_counted_in_words(text: str, heard: str, language: str, rate: float | None) -> None:
    assert word_error_rate(text, heard, language) == rate


@needs("faster_whisper")
def test_whisper_reads_where_it_is_installed(sounds: list[Sound], demo_folder: Path) -> None:
    if not installed_models():
        pytest.skip("no model of Whisper is installed")
    ears = recogniser_for("en", Ears())
    assert isinstance(ears, Whisper)
    heard = [ears.heard(sound) for sound in sounds[:2] * 2]
    assert heard[:2] == heard[2:], "the same sound reads the same each time"
    rate = character_error_rate(said_first(demo_folder), heard[0])
    assert rate is not None and rate < 0.2


def test_the_model_that_reads_is_part_of_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xtts_finetune.data.hearing.ears.recogniser_installed", lambda: True)
    known: list[RecogniserModel] = []
    for module in ("data.hearing.ears", "data.hearing.models"):
        monkeypatch.setattr(f"xtts_finetune.{module}.installed_models", lambda: known)
    assert identity(["en", "hu"], Ears()) is None
    for name, size in (("tiny.en", 10), ("base", 20)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.bin").write_bytes(bytes(size))
        known.insert(0, RecogniserModel(name, tmp_path / name))
    assert identity(["hu", "en"], Ears()) == {"en": ["base", 20], "hu": ["base", 20]}
    assert identity(["en"], Ears(model="tiny.en")) == {"en": ["tiny.en", 10]}
    assert identity(["hu"], Ears(model="tiny.en")) is None
    assert identity(["en"], Ears("pocketsphinx")) is None
    with pytest.raises(NotMeasured, match=r"'small' of pipeline\.yaml is not on this machine"):
        recogniser_for("hu", Ears(model="small"))


@needs("pocketsphinx")
def test_english_is_recognised_without_being_told(sounds: list[Sound], demo_folder: Path) -> None:
    heard = recogniser_for("en", Ears("pocketsphinx")).heard(sounds[0])
    rate = character_error_rate(said_first(demo_folder), heard)
    assert rate is not None and rate < 0.4


@pytest.fixture
def sound(tmp_path: Path) -> Sound:
    file = tmp_path / "egy hang.wav"
    soundfile.write(file, np.zeros(100), 22_050)
    return Sound.of(file)


def script(tmp_path: Path, code: str) -> RecogniserSpec:
    file = tmp_path / "recognise.py"
    file.write_text(code, encoding="utf-8")
    return RecogniserSpec(command=(sys.executable, str(file), "{language}", "{file}"))


def test_a_recogniser_of_ones_own_prints_what_it_hears(tmp_path: Path, sound: Sound) -> None:
    code = "import sys, pathlib\nsys.stdout.reconfigure(encoding='utf-8')\n"
    code += "print(' jó ', sys.argv[1])\nprint(pathlib.Path(sys.argv[2]).name)"
    assert Command(script(tmp_path, code), "hu").heard(sound) == "jó hu egy hang.wav"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; print('x\\nno model', file=sys.stderr); sys.exit(3)", "failed with code 3: no model"),
        ("raise SystemExit(1)", "failed with code 1: without a message"),
    ],
)
def test_a_recogniser_that_fails_says_why_and_is_not_asked_again(
    tmp_path: Path, sound: Sound, code: str, message: str
) -> None:
    take = Take(sound, "jó", "hu", "jó", Panel(Ears(script(tmp_path, code))))
    assert CHARACTERS.readings(take) == {"cer": None, "wer": None, "heard": None, "text_margin": None}
    assert message in take.panel.missing["cer"]
    (tmp_path / "recognise.py").write_text("print('well')", encoding="utf-8")
    assert CHARACTERS.readings(take)["heard"] is None


def test_a_recogniser_that_is_not_there_is_named(sound: Sound) -> None:
    with pytest.raises(NotMeasured, match="no-such-program cannot be started"):
        Command(RecogniserSpec(command=("no-such-program", "{file}")), "hu").heard(sound)


def test_what_is_not_installed_says_how_to_install_it() -> None:
    with pytest.raises(NotMeasured, match="no_such_package is not installed: pip install it"):
        installed_file("no_such_package", "model.pt", "pip install it")
    with pytest.raises(NotMeasured, match=r"numpy has no model\.pt"):
        installed_file("numpy", "model.pt", "pip install it")


def test_a_language_without_a_recogniser_is_said() -> None:
    with pytest.raises(NotMeasured, match="pocketsphinx reads English alone, not 'hu'"):
        recogniser_for("hu", Ears("pocketsphinx"))


def test_without_any_extra_everything_else_is_measured(monkeypatch: pytest.MonkeyPatch, sound: Sound) -> None:
    """As on a plain install: the packages' files are not found, and their modules cannot be imported."""
    monkeypatch.setattr("xtts_finetune.evaluation.instruments.panel.find_spec", lambda package: None)
    monkeypatch.setattr("xtts_finetune.data.hearing.ears.recogniser_installed", lambda: False)
    for package in ("pocketsphinx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, package, None)
    take = Take(sound, "Yes.", "en", "Yes.", Panel(), recording=sound)
    for one in INSTRUMENTS:
        assert not one.optional or set(one.readings(take).values()) == {None}
    assert {name: "pip install" in why for name, why in take.panel.missing.items()} == {
        one.name: True for one in INSTRUMENTS if one.optional
    }
