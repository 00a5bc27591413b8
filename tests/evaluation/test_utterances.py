"""Speaking the utterances of a candidate, and knowing when that must be done again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile

from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.utterance_state import utterances_current, wanted_utterances
from xtts_finetune.evaluation.utterances import speak_candidate
from xtts_finetune.evaluation.whose_voice import best_references, held_out_clips, reference_files
from xtts_finetune.records.clips import ClipRecord, ClipWarning, Split, WarningKind, write_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.decision import DecisionSpec
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.utterances import UtterancesSpec
from xtts_finetune.xtts.base import BaseFiles

UTTERANCES: dict[str, Any] = {
    "sentences": [{"id": "one", "text": "Yes."}, {"id": "two", "text": "Hello there.", "language": "hu"}],
    "seeds": [1, 2],
    "reference": {"clips": 2},
}
SHORT = {**UTTERANCES, "sentences": [{"id": "one", "text": "Yes."}], "seeds": [1]}
FILES = ["one_s1.wav", "one_s2.wav", "two_s1.wav", "two_s2.wav"]


def clip(
    name: str, seconds: float, audio: Path = Path("x.wav"), speaker: str = "a", split: Split = "train"
) -> ClipRecord:
    return ClipRecord(name, "set", audio, "Hello.", speaker, "en", seconds, name, split, 5)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseFiles:
    return make_random_base(tmp_path_factory.mktemp("base"), BaseSize(max_audio_tokens=13))


@pytest.fixture
def run(tmp_path: Path, demo_folder: Path) -> RunFolder:
    """A run whose clips are prepared and whose only phase has not begun."""
    return prepared(tmp_path / "run", demo_folder)


def prepared(root: Path, demo_folder: Path) -> RunFolder:
    run = RunFolder(root)
    wavs = sorted((demo_folder / "data/set_a/wavs").glob("*.flac"))[:3]
    write_clips(run.clips, [clip(str(n), 1.0 + n, audio) for n, audio in enumerate(wavs)])
    return run


def declare(base: BaseFiles, run: RunFolder, utterances: dict[str, Any] | None = None) -> Declaration:
    pipeline = {
        "name": "test",
        "base": str(base.folder),
        "language": "en",
        "datasets": [{"name": "set", "path": ".", "format": "ljspeech"}],
        "phases": ["phase1"],
        "vocoder": "preview",
    }
    decision = {"rows": [{"ship": "base", "verdict": "-"}]}
    return Declaration(
        file=run.root / "pipeline.yaml",
        pipeline=PipelineSpec.model_validate(pipeline),
        phases={},
        utterances=UtterancesSpec.model_validate(utterances or UTTERANCES),
        decision=DecisionSpec.model_validate(decision),
        run_folder=run.root,
    )


def speak(declaration: Declaration, run: RunFolder, candidate: str = "base") -> list[str]:
    """What was reported while speaking."""
    said: list[str] = []
    speak_candidate(declaration, run, candidate, "cpu", lambda done, total, what: said.append(f"{done}/{total} {what}"))
    return said


def record(run: RunFolder, candidate: str = "base") -> dict[str, Any]:
    return json.loads(run.candidate(candidate).utterances_json.read_text(encoding="utf-8"))


def test_every_sentence_is_spoken_with_every_seed(base: BaseFiles, run: RunFolder) -> None:
    declaration = declare(base, run)
    assert not utterances_current(declaration, run, "base")
    said = speak(declaration, run)
    assert (said[:2], said[-1]) == (["0/4 loading base", "0/4 speaking"], "4/4 spoken")
    assert [line.split()[0] for line in said[2:-1]] == ["1/4", "2/4", "3/4", "4/4"]
    assert {line.split(maxsplit=1)[1] for line in said[2:-1]} == {
        f"{name}, seed {seed}" for name in ("one", "two") for seed in (1, 2)
    }
    assert sorted(file.name for file in run.candidate("base").utterances.iterdir()) == [
        *FILES,
        "utterances.json",
    ]
    found = record(run)
    assert [utterance["file"] for utterance in found["utterances"]] == FILES
    for utterance in found["utterances"]:
        info = soundfile.info(str(run.candidate("base").utterances / utterance["file"]))
        assert (info.subtype, info.samplerate, info.channels) == ("PCM_16", 22_050, 1)
        assert info.duration == pytest.approx(utterance["seconds"], abs=1e-3)
        assert isinstance(utterance["cut"], bool)
    assert (found["utterances"][2]["language"], found["utterances"][2]["pieces"]) == ("hu", ["Hello there."])
    assert found["speaker"] == "a"
    assert [Path(file).name for file in found["reference"]] == ["demo_a_003.flac", "demo_a_002.flac"]
    assert utterances_current(declaration, run, "base")

    before = {file.name: file.stat().st_mtime_ns for file in run.candidate("base").utterances.iterdir()}
    assert speak(declaration, run) == ["4/4 up to date"]
    after = {file.name: file.stat().st_mtime_ns for file in run.candidate("base").utterances.iterdir()}
    assert before == after


def test_a_phases_own_model_speaks(base: BaseFiles, run: RunFolder) -> None:
    import torch

    declaration = declare(base, run)
    phase = run.candidate("phase1")
    with pytest.raises(UserError, match="phase1 has no model"):
        speak(declaration, run, "phase1")
    phase.path.mkdir(parents=True)
    weights = torch.load(base.model, weights_only=True)["model"]
    weights["gpt.mel_head.bias"][1025] = 1e4  # it ends at once
    torch.save({"model": weights}, phase.best_model)
    speak(declaration, run, "phase1")
    assert {utterance["codes"] for utterance in record(run, "phase1")["utterances"]} == {0}
    speak(declaration, run, "base")
    assert record(run)["model_sha"] != record(run, "phase1")["model_sha"]
    assert record(run)["reference"] == record(run, "phase1")["reference"]


@pytest.fixture(scope="module")
def spoken(base: BaseFiles, tmp_path_factory: pytest.TempPathFactory, demo_folder: Path) -> RunFolder:
    """A run in which the base has said SHORT; copy it before changing it."""
    run = prepared(tmp_path_factory.mktemp("spoken") / "run", demo_folder)
    speak(declare(base, run, SHORT), run)
    return run


def without_file(run: RunFolder) -> None:
    (run.candidate("base").utterances / "one_s1.wav").unlink()


def with_torn_record(run: RunFolder) -> None:
    run.candidate("base").utterances_json.write_text('{"finger', encoding="utf-8")


@pytest.mark.parametrize(
    ("declared", "damage", "current"),
    [
        ({}, None, True),
        ({"inference": {"temperature": 0.5}}, None, False),
        ({"sentences": [{"id": "one", "text": "No."}]}, None, False),
        ({"sentences": [{"id": "one", "text": "Yes.", "language": "hu"}]}, None, False),
        ({"seeds": [7]}, None, False),
        ({"reference": {"clips": 1}}, None, False),
        ({}, without_file, False),
        ({}, with_torn_record, False),
    ],
)
def test_what_changed_is_not_current(
    base: BaseFiles,
    spoken: RunFolder,
    tmp_path: Path,
    declared: dict[str, Any],
    damage: Callable[[RunFolder], None] | None,
    current: bool,
) -> None:
    run = RunFolder(Path(shutil.copytree(spoken.root, tmp_path / "run")))
    if damage is not None:
        damage(run)
    assert utterances_current(declare(base, run, {**SHORT, **declared}), run, "base") == current


def test_another_model_is_not_current(base: BaseFiles, spoken: RunFolder, tmp_path: Path) -> None:
    own = BaseFiles(Path(shutil.copytree(base.folder, tmp_path / "own")))
    assert utterances_current(declare(own, spoken, SHORT), spoken, "base")  # it may lie elsewhere
    make_random_base(own.folder, BaseSize(max_audio_tokens=13), seed=5)
    assert not utterances_current(declare(own, spoken, SHORT), spoken, "base")


def test_another_network_of_the_preview_is_not_current(base: BaseFiles, spoken: RunFolder, tmp_path: Path) -> None:
    own = BaseFiles(Path(shutil.copytree(base.folder, tmp_path / "own")))
    own.preview.write_bytes(b"a network")
    assert not utterances_current(declare(own, spoken, SHORT), spoken, "base")


def test_speaking_again_takes_the_old_files_away(base: BaseFiles, spoken: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(Path(shutil.copytree(spoken.root, tmp_path / "run")))
    declaration = declare(base, run, {**SHORT, "seeds": [7]})
    assert speak(declaration, run)[-1] == "1/1 spoken"
    assert [file.name for file in run.candidate("base").utterances.glob("*.wav")] == ["one_s7.wav"]
    assert utterances_current(declaration, run, "base")


def test_nothing_is_current_before_the_clips_are_there(base: BaseFiles, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "new")
    assert not utterances_current(declare(base, run), run, "base")


def test_a_reference_that_is_no_sound_is_named(base: BaseFiles, run: RunFolder, tmp_path: Path) -> None:
    file = tmp_path / "voice.wav"
    spec = {**UTTERANCES, "reference": {"files": [str(file)]}}
    with pytest.raises(UserError, match=r"there is no file .*voice\.wav"):
        reference_files(declare(base, run, spec), run)
    file.write_text("no sound", encoding="utf-8")
    with pytest.raises(UserError, match=r"voice\.wav"):
        speak(declare(base, run, spec), run)


@pytest.mark.parametrize(
    ("clips", "count", "chosen"),
    [
        ([("a", 2.0), ("b", 5.0), ("c", 11.0), ("d", 8.0)], 2, ["b", "d"]),
        ([("a", 1.0), ("b", 3.0), ("c", 2.0)], 2, ["b", "c"]),  # all too short: the longest
        ([("a", 9.0), ("b", 8.5)], 1, ["b"]),
        ([("b", 5.0), ("a", 6.0), ("a", 6.0)], 3, ["a", "b"]),  # the same sound twice
        ([], 3, []),
    ],
)
def test_clips_of_a_good_length_are_the_reference(
    clips: list[tuple[str, float]], count: int, chosen: list[str]
) -> None:
    records = [clip(*values) for values in clips]
    assert [c.id for c in best_references(records, count)] == chosen
    assert best_references(records[::-1], count) == best_references(records, count)


def test_the_reference_is_one_speaker() -> None:
    clips = [clip("a", 5.0), clip("b", 3.0, speaker="b"), clip("c", 3.0, speaker="b")]
    assert [c.id for c in best_references(clips, 3)] == ["b", "c"]


def test_lines_of_the_eval_set_are_spoken_after_the_sentences(base: BaseFiles, run: RunFolder) -> None:
    held_out = [replace(clip(name, 3.0, split="eval"), text=f"Line {name}.") for name in "dcb"]
    write_clips(run.clips, [clip("a", 9.0), *held_out])
    wanted = wanted_utterances(declare(base, run, {**SHORT, "seeds": [1, 2], "held_out": 2}), run)
    assert [(one.id, one.file, one.text, one.clip) for one in wanted[2:]] == [
        ("held-out-1", "held-out-1_s1.wav", "Line b.", "b"),
        ("held-out-1", "held-out-1_s2.wav", "Line b.", "b"),
        ("held-out-2", "held-out-2_s1.wav", "Line c.", "c"),
        ("held-out-2", "held-out-2_s2.wav", "Line c.", "c"),
    ]
    assert [one.clip for one in wanted[:2]] == [None, None]
    assert wanted_utterances(declare(base, run, {**SHORT, "held_out": 0}), RunFolder(run.root / "no")) == tuple(
        replace(one) for one in wanted[:1]
    )


def test_held_out_lines_are_of_the_voice_and_not_known_by_heart() -> None:
    warning = ClipWarning(WarningKind.IN_TRAIN_AND_EVAL, "twice")
    clips = [
        clip("a", 9.0),
        clip("b", 3.0, split="eval", speaker="somebody else"),
        replace(clip("c", 3.0, split="eval"), warnings=(warning,)),
        clip("e", 3.0, split="eval"),
        clip("d", 3.0, split="eval"),
        clip("d", 3.0, split="eval"),
    ]
    assert [one.id for one in held_out_clips(clips, 5)] == ["d", "e"]
    assert [one.id for one in held_out_clips(clips[::-1], 1)] == ["d"]
    assert held_out_clips([], 4) == []
