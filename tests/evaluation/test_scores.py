"""Scoring a candidate: recordings pass, damages are named, and what is up to date is not done again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfiltfilt

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.evaluation.scores import score_candidate, scores_current
from xtts_finetune.evaluation.voice import RECORDINGS, chosen_clips, read_voice
from xtts_finetune.records.clips import ClipRecord, write_clips
from xtts_finetune.records.heard.scores import Scores, read_scores
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.decision import DecisionSpec
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.utterances import UtterancesSpec

RATE = 22_050
LINES = 12


def demo_clips(folder: Path) -> list[ClipRecord]:
    lines = (folder / "data/set_a/metadata.csv").read_text(encoding="utf-8").splitlines()[:LINES]
    clips = []
    for number, line in enumerate(lines):
        name, text, _ = line.split("|")
        audio = folder / f"data/set_a/wavs/{name}.flac"
        seconds = soundfile.info(str(audio)).duration
        split: Any = "train" if number < 9 else "eval"
        clips.append(ClipRecord(name, "set", audio, text, "demo", "en", seconds, f"{number:03}", split, 5))
    return clips


def declare(run: RunFolder, demo_folder: Path, **utterances: Any) -> Declaration:
    pipeline = {
        "name": "test",
        "base": str(demo_folder / "base"),
        "language": "en",
        "datasets": [{"name": "set", "path": ".", "format": "ljspeech"}],
        "phases": ["phase1"],
    }
    said = {"sentences": [{"id": "one", "text": "Yes."}], **utterances}
    return Declaration(
        file=run.root / "pipeline.yaml",
        pipeline=PipelineSpec.model_validate(pipeline),
        phases={},
        utterances=UtterancesSpec.model_validate(said),
        decision=DecisionSpec.model_validate({"rows": [{"ship": "base", "verdict": "-"}]}),
        run_folder=run.root,
    )


def read(clip: ClipRecord) -> np.ndarray:
    return soundfile.read(clip.audio, dtype="float32")[0]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, demo_folder: Path) -> RunFolder:
    """The base has said four lines of the eval set: well, dully, silently, and another line instead."""
    run = RunFolder(tmp_path_factory.mktemp("run mit Lücke"))
    clips = demo_clips(demo_folder)
    write_clips(run.clips, clips)
    lines = [clip for clip in clips if clip.split == "eval"]
    well = read(lines[0])
    dull = sosfiltfilt(butter(8, 3500, fs=RATE, output="sos"), read(lines[1]))
    waves = {"well": well, "dull": dull, "silent": np.zeros(RATE), "other": read(clips[0])}
    spoken = []
    folder = run.candidate("base").utterances
    folder.mkdir(parents=True)
    for (name, wave), clip in zip(waves.items(), [*lines, lines[2]], strict=True):
        soundfile.write(folder / f"{name}_s1.wav", wave, RATE, subtype="PCM_16")
        entry = {"id": name, "file": f"{name}_s1.wav", "text": clip.text, "language": "en", "seed": 1}
        spoken.append({**entry, "clip": clip.sha256, "cut": False})
    record = {"fingerprint": "first", "utterances": spoken}
    run.candidate("base").utterances_json.write_text(json.dumps(record), encoding="utf-8")
    return run


@pytest.fixture(scope="module")
def scores(run: RunFolder, demo_folder: Path) -> Scores:
    said: list[str] = []
    declaration = declare(run, demo_folder)
    assert not scores_current(declaration, run, "base")
    path = score_candidate(declaration, run, "base", lambda done, total, what: said.append(f"{done}/{total} {what}"))
    assert said[0] == "0/9 reading the recordings" and said[-1] == "4/4 scored"
    found = read_scores(path)
    assert found is not None
    return found


def test_a_recording_is_sound_and_like_itself(scores: Scores) -> None:
    well = scores.utterances[0]
    assert (well.id, well.faults, well.findings) == ("well", (), ())
    assert well.number("mcd_db") == pytest.approx(0.0, abs=0.1)
    assert well.number("duration_ratio") == pytest.approx(1.0, abs=0.02)
    assert well.number("f0_median_hz") == pytest.approx(110, abs=10)
    assert well.number("level_lufs") == pytest.approx(-23.5, abs=1.5)
    if (similarity := well.number("similarity")) is not None:
        assert similarity == pytest.approx(1.0, abs=0.1)
    if (cer := well.number("cer")) is not None:
        assert cer < 0.5 and (well.number("text_margin") or 0) > 0 and well.readings["heard"]


def test_damages_are_named_with_what_was_found(scores: Scores) -> None:
    _, dull, silent, other = scores.utterances
    assert dull.faults == ("dull",)
    assert dull.findings[0].startswith("dull: -") and "dB above 4 kHz, limit" in dull.findings[0]
    assert silent.faults == ("near silent",)
    assert "unlike its recording" in other.faults
    assert scores.gate_failures == 3


def test_every_instrument_says_whether_it_was_read(scores: Scores) -> None:
    states = {name: (one.state, bool(one.why), bool(one.unit)) for name, one in scores.instruments.items()}
    measured = {name for name, one in scores.instruments.items() if one.state == "measured"}
    assert {"level_lufs", "f0_median_hz", "duration_ratio", "treble_db", "mcd_db"} <= measured
    assert all(state == ("measured", False, True) or state == ("not measured", True, True) for state in states.values())


def test_what_is_current_is_not_read_again(scores: Scores, run: RunFolder, demo_folder: Path) -> None:
    declaration = declare(run, demo_folder)
    before = run.candidate("base").scores_json.stat().st_mtime_ns, run.voice_json.stat().st_mtime_ns
    said: list[str] = []
    score_candidate(declaration, run, "base", lambda done, total, what: said.append(what))
    assert said == ["scores are up to date"]
    assert before == (run.candidate("base").scores_json.stat().st_mtime_ns, run.voice_json.stat().st_mtime_ns)
    voice = read_voice(run.voice_json, json.loads(run.voice_json.read_text(encoding="utf-8"))["fingerprint"])
    assert voice is not None and voice.recordings == 9
    assert read_voice(run.voice_json, "another") is None


def test_what_changed_is_not_current(scores: Scores, run: RunFolder, demo_folder: Path) -> None:
    own = declare(run, demo_folder, recogniser={"command": ["mine", "{file}"]})
    assert scores_current(declare(run, demo_folder), run, "base")
    assert not scores_current(own, run, "base")
    record = run.candidate("base").utterances_json
    content = record.read_text(encoding="utf-8")
    record.write_text(content.replace('"first"', '"second"'), encoding="utf-8")
    assert not scores_current(declare(run, demo_folder), run, "base")
    record.write_text(content, encoding="utf-8")


def test_a_candidate_that_has_not_spoken_cannot_be_scored(run: RunFolder, demo_folder: Path) -> None:
    assert not scores_current(declare(run, demo_folder), run, "phase1")
    with pytest.raises(UserError, match="phase1 has not spoken yet"):
        score_candidate(declare(run, demo_folder), run, "phase1", lambda *_: None)


def test_a_spoken_file_that_is_gone_is_named(scores: Scores, run: RunFolder, demo_folder: Path) -> None:
    folder = run.candidate("phase1")
    folder.utterances.mkdir(parents=True)
    entry = {
        "id": "a",
        "file": "../../base/utterances/well_s1.wav",
        "text": "A.",
        "language": "en",
        "seed": 1,
    }
    folder.utterances_json.write_text(json.dumps({"utterances": [entry]}), encoding="utf-8")
    with pytest.raises(WorkFailed, match=r"phase1.utterances.well_s1\.wav cannot be scored"):
        score_candidate(declare(run, demo_folder), run, "phase1", lambda *_: None)
    assert not folder.scores_json.exists()


def test_the_recordings_that_are_measured_do_not_depend_on_their_order(demo_folder: Path) -> None:
    clips = [replace(clip, sha256=f"{n}") for n in range(40) for clip in demo_clips(demo_folder)[:1]]
    assert chosen_clips(clips) == chosen_clips(clips[::-1]) and len(chosen_clips(clips)) == RECORDINGS
