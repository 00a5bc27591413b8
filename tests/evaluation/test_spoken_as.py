"""A candidate that is another one's model, but speaks with settings or from recordings of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from tests.evaluation.test_utterances import SHORT, base, declare, run
from xtts_finetune.evaluation.candidates import Part, parts_of, sources_of, without_part
from xtts_finetune.evaluation.spoken_as import spoken_as
from xtts_finetune.evaluation.utterance_state import plan_utterances, utterances_current
from xtts_finetune.evaluation.utterances import speak_candidate
from xtts_finetune.evaluation.whose_voice import voice_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.decision import DecisionSpec, MadeCandidate
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import BaseFiles

__all__ = ["base", "run"]


def with_candidate(declaration: Declaration, **made: object) -> Declaration:
    entry = {"name": "calm", "model": "base", **made}
    decision = {"candidates": ["base", entry], "rows": [{"ship": "base", "verdict": "-"}]}
    return replace(declaration, decision=DecisionSpec.model_validate(decision))


def has_the_base_s_weights(run: RunFolder, base: BaseFiles) -> None:
    run.candidate("calm").path.mkdir(parents=True)
    run.candidate("calm").best_model.write_bytes(base.model.read_bytes())


def silent(done: int, total: int, what: str) -> None:
    pass


def test_its_model_is_the_other_one(run: RunFolder, base: BaseFiles) -> None:
    made = MadeCandidate.model_validate({"name": "calm", "model": "base", "inference": {"speed": 0.9}})
    assert sources_of(made) == ("base",) and not made.is_file
    assert parts_of(made, base.model, run) == (Part(base.model),)
    assert without_part(made, {"base": "gone"}) == "it is the model of base, which is left out"


def test_it_speaks_with_its_settings_and_the_others_with_theirs(run: RunFolder, base: BaseFiles) -> None:
    declaration = with_candidate(declare(base, run, SHORT), inference={"speed": 0.5, "temperature": 0.3})
    has_the_base_s_weights(run, base)
    for name in ("base", "calm"):
        speak_candidate(declaration, run, name, "cpu", silent)
    records = [json.loads(run.candidate(name).utterances_json.read_text("utf-8")) for name in ("base", "calm")]
    assert [record["settings"]["temperature"] for record in records] == [0.75, 0.3]
    assert records[0]["reference"] == records[1]["reference"]
    seconds = [soundfile.info(str(run.candidate(name).utterances / "one_s1.wav")).duration for name in ("base", "calm")]
    assert seconds[1] == pytest.approx(2 * seconds[0], rel=0.01)
    assert all(utterances_current(declaration, run, name) for name in ("base", "calm"))
    hotter = with_candidate(declaration, inference={"speed": 0.5, "temperature": 0.4})
    assert utterances_current(hotter, run, "base") and not utterances_current(hotter, run, "calm")


def test_its_recordings_are_its_own_but_it_is_compared_with_the_same_voice(
    run: RunFolder, base: BaseFiles, demo_folder: Path
) -> None:
    other = sorted((demo_folder / "data/set_a/wavs").glob("*.flac"))[9]
    declaration = with_candidate(declare(base, run, SHORT), reference=[str(other)])
    has_the_base_s_weights(run, base)
    plans = [plan_utterances(declaration, run, name) for name in ("base", "calm")]
    assert plans[1].references == (other,) and other not in plans[0].references
    assert plans[0].fingerprint != plans[1].fingerprint
    assert voice_clips(spoken_as(declaration, run, "calm"), run) == voice_clips(declaration, run)


def test_its_pace_is_judged_by_its_speed(run: RunFolder, base: BaseFiles) -> None:
    declaration = with_candidate(declare(base, run, SHORT), inference={"speed": 0.5})
    assert spoken_as(declaration, run, "calm").utterances.inference.speed == 0.5
    assert spoken_as(declaration, run, "base").utterances.inference.speed == 1.0
