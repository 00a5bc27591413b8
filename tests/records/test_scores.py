"""scores.json: what was read comes back, and means and counts are of what was read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from xtts_finetune.records.heard.scores import (
    InstrumentState,
    Reading,
    Scores,
    UtteranceScores,
    read_scores,
    write_scores,
)

READINGS = {"level_lufs": -23.0, "similarity": 0.9, "mcd_db": None, "cer": None, "heard": None}
ONE = UtteranceScores("one", 1, "one_s1.wav", "Yes.", (), (), 1.0, 4.0, READINGS)


def read_as(**readings: Reading) -> UtteranceScores:
    return replace(ONE, readings={**READINGS, **readings})


SCORES = Scores(
    candidate="phase1",
    fingerprint="abc",
    instruments={
        "similarity": InstrumentState("of the recordings' own", "GE2E", "measured"),
        "cer": InstrumentState("share", "jiwer", "not measured", "no recogniser for hu"),
    },
    utterances=(
        ONE,
        replace(read_as(similarity=0.7, mcd_db=6.5), id="two", faults=("cut",), findings=("cut: 3 s, limit 3",)),
        replace(read_as(similarity=None, heard="no"), id="two", seed=2, faults=("clipping", "cut")),
    ),
    averaged=("similarity", "mcd_db", "cer"),
)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.json", SCORES)
    assert read_scores(tmp_path / "scores.json") == SCORES


def test_counts_and_means_are_of_what_was_read(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.json", SCORES)
    found = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert (found["spoken"], found["gate_failures"]) == (3, 2)
    assert list(found["faults"].items()) == [("cut", 2), ("clipping", 1)]
    assert found["similarity"] == pytest.approx(0.8)
    assert (found["mcd_db"], found["cer"]) == (6.5, None)
    assert found["instruments"]["cer"]["why"] == "no recogniser for hu"


def test_a_number_that_json_lacks_is_not_measured(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.json", replace(SCORES, utterances=(read_as(mcd_db=float("nan")),)))
    scores = read_scores(tmp_path / "scores.json")
    assert scores is not None
    assert (scores.utterances[0].number("mcd_db"), scores.mean("mcd_db")) == (None, None)


def test_scores_written_with_other_instruments_are_read(tmp_path: Path) -> None:
    """A version may have more of them or fewer: whatever is a number or words is a reading."""
    record = SCORES.to_json()
    record["utterances"][0] |= {"warmth": 0.5, "spectrum": [1, 2]}
    del record["utterances"][0]["cer"]
    (tmp_path / "scores.json").write_text(json.dumps({**record, "warmth": 0.5}), encoding="utf-8")
    scores = read_scores(tmp_path / "scores.json")
    assert scores is not None
    first = scores.utterances[0]
    assert (first.number("warmth"), first.number("cer"), "spectrum" in first.readings) == (0.5, None, False)
    assert scores.averaged == ("similarity", "mcd_db", "cer", "warmth")


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"candidate": "a", "utterances": 3}'])
def test_what_cannot_be_read_is_no_scores(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "scores.json").write_text(content, encoding="utf-8")
    assert read_scores(tmp_path / "scores.json") is None
