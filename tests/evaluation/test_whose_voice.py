"""Whose voice is spoken with: declared or chosen, the same everywhere, and said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.evaluation.test_utterances import clip, declare
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.usable_references import check_references, is_silent, reference_problems
from xtts_finetune.evaluation.utterance_state import plan_utterances, wanted_utterances
from xtts_finetune.evaluation.whose_voice import (
    held_out_clips,
    reference_files,
    speakers_in_words,
    voice_clips,
    whose_voice,
)
from xtts_finetune.pipeline.plan.inputs import utterances_inputs
from xtts_finetune.records.clips import write_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import BaseFiles

RATE = 22_050


def tone(path: Path, seconds: float = 2.0, level: float = 0.3, before: float = 0.0) -> Path:
    time = np.arange(round(seconds * RATE)) / RATE
    wave = np.concatenate([np.zeros(round(before * RATE)), level * np.sin(2 * np.pi * 200 * time)])
    soundfile.write(str(path), wave, RATE)
    return path


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """anna has 6 minutes of training clips, ben 2, cleo 0.1; all three are in the eval set too."""
    run = RunFolder(tmp_path / "run")
    clips = []
    for speaker, seconds in (("anna", 120.0), ("ben", 40.0), ("cleo", 2.0)):
        for number in range(3):
            audio = tone(tmp_path / f"{speaker}{number}.wav", 1 + 0.1 * number)
            clips.append(clip(f"{speaker}{number}", seconds, audio, speaker))
        held_out = clip(f"{speaker}-eval", 3.0, audio, speaker, "eval")
        clips.append(replace(held_out, text=f"Held out of {speaker}."))
    write_clips(run.clips, clips)
    return run


def declared(base: BaseFiles, run: RunFolder, **reference: Any) -> Declaration:
    sentences = [{"id": "one", "text": "Yes."}]
    return declare(base, run, {"sentences": sentences, "reference": reference, "held_out": 2})


def test_who_has_most_speech_is_the_voice(tiny_base: BaseFiles, run: RunFolder) -> None:
    declaration = declared(tiny_base, run, clips=2)
    voice = whose_voice(declaration, run)
    assert voice.words == "the voice of anna: 2 training clips; also in the data: ben (2.0 min), cleo (0.1 min)"
    assert plan_utterances(declaration, run, "base").speaker == "anna"


def test_the_declared_speaker_is_the_voice_everywhere(tiny_base: BaseFiles, run: RunFolder) -> None:
    declaration = declared(tiny_base, run, speaker="ben", clips=1)
    assert whose_voice(declaration, run).words.startswith(
        "the voice of ben: 1 training clip; also in the data: anna (6"
    )
    assert [file.name[:3] for file in reference_files(declaration, run)] == ["ben"]
    assert {each.speaker for each in voice_clips(declaration, run)} == {"ben"}
    plan = plan_utterances(declaration, run, "base")
    assert plan.speaker == "ben"
    assert [each.text for each in plan.utterances] == ["Yes.", "Held out of ben."]


def test_with_recordings_a_speaker_says_which_clips_are_of_the_voice(tiny_base: BaseFiles, run: RunFolder) -> None:
    file = tone(run.root.parent / "mine.wav")
    unsaid, said = (
        declared(tiny_base, run, files=[str(file)]),
        declared(tiny_base, run, files=[str(file)], speaker="ben"),
    )
    assert len(voice_clips(unsaid, run)) == 9 and len(voice_clips(said, run)) == 3
    assert whose_voice(unsaid, run).words.startswith("the voice of 1 recording; also in the data: anna")
    assert whose_voice(said, run).words.startswith("the voice of ben: 1 recording; also in the data: anna")
    assert reference_files(said, run) == (file,)
    assert [each.text for each in wanted_utterances(said, run)][1:] == ["Held out of ben."]


@pytest.mark.parametrize("files", [(), ("mine.wav",)])
def test_an_unknown_speaker_is_told_the_known_ones(
    tiny_base: BaseFiles, run: RunFolder, files: tuple[str, ...]
) -> None:
    written = [str(tone(run.root.parent / name)) for name in files]
    declaration = declared(tiny_base, run, speaker="Bem", files=written)
    known = r"no training clip is of 'Bem'; did you mean 'ben'\? The speakers are anna \(6.0 min\), ben \(2.0 min\)"
    with pytest.raises(UserError, match=known):
        whose_voice(declaration, run)
    with pytest.raises(UserError, match=r"reference\.speaker"):
        voice_clips(declaration, run)


def test_runs_from_before_there_was_a_speaker_stay_as_they_are(tiny_base: BaseFiles, run: RunFolder) -> None:
    before = utterances_inputs(declared(tiny_base, run), "base", "clips", "weights")
    assert not any("speaker" in key for key in before)
    after = utterances_inputs(declared(tiny_base, run, speaker="ben"), "base", "clips", "weights")
    assert after == {**before, "reference.speaker": "ben"}


def test_thousands_of_speakers_are_not_all_named() -> None:
    many = [(f"s{number}", 600.0 + number) for number in range(1000)]
    assert speakers_in_words(many).endswith("s5 (10 min), 994 more")


def test_lines_without_words_are_not_spoken() -> None:
    clips = [clip("a", 9.0), replace(clip("b", 3.0, split="eval"), text="..."), clip("c", 3.0, split="eval")]
    assert [each.id for each in held_out_clips(clips, 4)] == ["c"]


def test_silent_clips_are_never_the_voice(tiny_base: BaseFiles, run: RunFolder) -> None:
    declaration = declared(tiny_base, run, speaker="anna", clips=2)
    first = reference_files(declaration, run)[0]
    tone(first, level=0.0)
    assert first not in reference_files(declaration, run) and len(reference_files(declaration, run)) == 2
    for number in range(3):
        tone(run.root.parent / f"anna{number}.wav", level=1e-4)
    with pytest.raises(UserError, match="the training clips of 'anna' are now all silent or too short"):
        reference_files(declaration, run)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: tone(path, level=0.0), "it is silent"),
        (lambda path: tone(path, level=1e-4), "it is silent"),
        (lambda path: soundfile.write(str(path), np.full(RATE, 0.5), RATE), "it is silent"),
        (lambda path: tone(path, before=11), "it is silent in its first 10 s, and XTTS hears no more of it"),
        (lambda path: tone(path, 0.2), "it is too short (0.20 s; XTTS needs 0.33 s"),
        (lambda path: soundfile.write(str(path), np.zeros(0), RATE), "it cannot be read as a sound (holds no sound)"),
        (lambda path: path.write_text("no sound", encoding="utf-8"), "it cannot be read as a sound"),
        (lambda path: path.write_bytes(b""), "it cannot be read as a sound"),
        (lambda path: path.mkdir(), "it cannot be read as a sound"),
        (lambda path: soundfile.write(str(path), np.full(RATE, np.nan), RATE, subtype="FLOAT"), "not numbers"),
        (lambda path: None, "it cannot be read as a sound (No such file"),
    ],
)  # fmt: skip
def test_a_recording_without_a_voice_is_refused(make: Any, said: str, tiny_base: BaseFiles, tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    make(path)
    (problem,) = reference_problems([path, path], tiny_base)
    assert problem.startswith(f"{path}: ") and said in problem and problem.endswith("; name another recording")
    with pytest.raises(UserError, match="utterances: reference: "):
        check_references([path], tiny_base)


def test_a_recording_that_was_corrected_is_heard_again(tiny_base: BaseFiles, tmp_path: Path) -> None:
    path = tone(tmp_path / "voice.wav", level=0.0)
    assert is_silent(path)
    tone(path, 2.5, before=1)
    assert not is_silent(path)
    check_references([path], tiny_base)
