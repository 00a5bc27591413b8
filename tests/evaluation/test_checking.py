"""Lines are checked as they are spoken: recordings of the voice pass, wrong words and broken sounds do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xtts_finetune.data.hearing.models import installed_models
from xtts_finetune.evaluation.checking import Check, checker
from xtts_finetune.evaluation.instruments.frames import paces_of
from xtts_finetune.evaluation.instruments.instrument import Sound
from xtts_finetune.evaluation.instruments.panel import Panel
from xtts_finetune.evaluation.scores import Scale
from xtts_finetune.evaluation.voice import measure_voice, read_checks, write_checks
from xtts_finetune.records.clips import ClipRecord

MEASURED, CHECKED = 8, 6


@pytest.fixture(scope="module")
def clips(demo_folder: Path) -> list[ClipRecord]:
    rows = (demo_folder / "data/set_a/metadata.csv").read_text(encoding="utf-8").splitlines()
    found = []
    for name, text, _ in (row.split("|") for row in rows):
        audio = demo_folder / f"data/set_a/wavs/{name}.flac"
        found.append(ClipRecord(name, "set", audio, text, "demo", "en", Sound.of(audio).seconds, name, "train", 5))
    return found[: MEASURED + CHECKED]


@pytest.fixture(scope="module")
def check(clips: list[ClipRecord], tmp_path_factory: pytest.TempPathFactory) -> Check:
    """As a shipped voice is checked: what is known of it was written down and read again."""
    voice = measure_voice(clips[:MEASURED], "", Panel(), lambda done, total: None)
    file = tmp_path_factory.mktemp("voice") / "checks.json"
    write_checks(file, voice, paces_of(clips))
    found = read_checks(file)
    assert found is not None and found[0].texts == () and found[0].usual == voice.usual
    return checker(Scale(found[0], found[1], {}, 1.0, lambda text, language: text), Panel())


def test_recordings_pass(check: Check, clips: list[ClipRecord]) -> None:
    texts = [clip.text for clip in clips]
    for clip in clips[MEASURED:]:
        found = check(Sound.of(clip.audio), clip.text, "en", False, texts)
        assert found.faults == (), f"{clip.text}: {found}"


def test_broken_sounds_do_not(check: Check, clips: list[ClipRecord]) -> None:
    clip = clips[MEASURED]
    sound = Sound.of(clip.audio)
    noise = np.random.default_rng(1).normal(0, 0.1, len(sound.wave)).astype(np.float32)
    assert check(Sound(sound.file, noise, sound.sample_rate), clip.text, "en", False, ()).faults
    assert check(Sound(sound.file, sound.wave * 0, sound.sample_rate), clip.text, "en", False, ()).faults
    assert any(fault.startswith("cut") for fault in check(sound, clip.text, "en", True, ()).faults)


@pytest.mark.skipif(not installed_models(), reason="no model of Whisper is installed")
def test_other_words_do_not_pass_and_rank_behind(check: Check, clips: list[ClipRecord]) -> None:
    clip, other = clips[MEASURED], clips[MEASURED + 1]
    right = check(Sound.of(clip.audio), clip.text, "en", False, ())
    wrong = check(Sound.of(other.audio), clip.text, "en", False, ())
    assert any(fault.startswith("misheard") for fault in wrong.faults)
    assert right.rank < wrong.rank


def test_damaged_checks_are_none(tmp_path: Path) -> None:
    for content in ("", "{}", '{"version": 99, "paces": {}, "voice": {}}', '{"version": 1, "paces": 3, "voice": {}}'):
        (tmp_path / "checks.json").write_text(content, encoding="utf-8")
        assert read_checks(tmp_path / "checks.json") is None
    assert read_checks(tmp_path / "none.json") is None
