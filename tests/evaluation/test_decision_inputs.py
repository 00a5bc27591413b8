"""A decision rests on what lies in the run's folder: measures, scores and the ratings of listeners."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evaluation.test_decision import declaration, evaluate
from xtts_finetune.evaluation.decision import decide, decide_from, gather_inputs, marks_given
from xtts_finetune.records.heard.listening_files import checksum
from xtts_finetune.records.heard.scores import InstrumentState, Scores, UtteranceScores, write_scores
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration

SENTENCES = 20
# The rows of test_decision ship phase1 or phase2.
FIRST, SECOND = "base", "phase1"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    found = RunFolder(tmp_path / "run" / "demo")
    evaluate(found, "base", {0: 5.046})
    evaluate(found, "phase1", {0: 5.046, 100: 4.5, 200: 4.1, 300: 3.9, 400: 3.7})
    found.candidate("phase1").best_model.touch()
    found.candidate("phase1").model_info.write_text('{"status": "done"}', encoding="utf-8")
    return found


@pytest.fixture
def declared(tmp_path: Path) -> Declaration:
    return declaration(tmp_path)


def spoken(run: RunFolder, name: str, model: str, faulty: int = 0) -> None:
    folder = run.candidate(name)
    folder.utterances.mkdir(parents=True, exist_ok=True)
    folder.utterances_json.write_text(json.dumps({"model_sha": model}), encoding="utf-8")
    utterances = tuple(
        UtteranceScores(
            f"s{n}",
            1,
            f"s{n}_s1.wav",
            "Text.",
            ("silent",) if n < faulty else (),
            readings={"similarity": 0.9},
        )
        for n in range(SENTENCES)
    )
    noise = InstrumentState("1 to 5", "DNSMOS", "not measured", "pip install onnxruntime speechmos")
    write_scores(folder.scores_json, Scores(name, "f", {"noise_mos": noise}, utterances))


def listen(
    run: RunFolder,
    better: int,
    listeners: tuple[str, ...] = ("anna", "béla"),
    name: str = "test 1",
    look: int = 1,
) -> None:
    """A test of base and phase1, and ratings that prefer phase1 in so many sentences; each test has its own ones."""
    folder = run.listening_test(name)
    folder.ratings.mkdir(parents=True)
    trials = [
        {"trial": f"t{n}", "kind": "pair", "sentence": f"{name} {n}", "repeats": None}
        | ({"a": FIRST, "b": SECOND} if n % 2 else {"a": SECOND, "b": FIRST})
        for n in range(SENTENCES)
    ]
    key = {"id": "x", "trials": trials, "candidates": {FIRST: "sha-0", SECOND: "sha-1"}}
    folder.key.write_text(json.dumps(key), encoding="utf-8")
    protocol = {"id": "x", "name": name, "form": "short", "look": look, "seed": 5, "utterance_seed": 1}
    protocol |= {"checks": {"passed_at_least": 0.6}}
    folder.protocol.write_text(json.dumps(protocol), encoding="utf-8")
    for listener in listeners:
        answers = []
        for n in range(SENTENCES):
            toward_second = 1 if n < better else -1
            marks = {FIRST: 7.0, SECOND: 8.6}
            a, b = (FIRST, SECOND) if n % 2 else (SECOND, FIRST)
            answer = {"trial": f"t{n}", "preference": toward_second if b == SECOND else -toward_second}
            answer |= {"marks": {"a": {"overall": marks[a]}, "b": {"overall": marks[b]}}}
            answers.append({**answer, "faults": {"a": [], "b": []}, "note": "", "seconds": 9})
        rating = {"listener": listener, "answers": answers, "checksum": checksum(answers)}
        (folder.ratings / f"{listener}-00000000.json").write_text(json.dumps(rating), encoding="utf-8")


def test_ratings_scores_and_measures_come_together(declared: Declaration, run: RunFolder) -> None:
    spoken(run, FIRST, "sha-0")
    spoken(run, SECOND, "sha-1")
    listen(run, better=18)
    decision = decide(declared, run)
    assert (decision.status, decision.ship, decision.provisional) == ("decided", "phase1", False)
    (pair,) = decision.preferences
    assert (pair.wins_second, pair.wins_first, pair.sentences) == (18, 2, SENTENCES)
    mark = decision.quality["phase1"]
    assert (mark.mark, mark.listeners, mark.sentences) == (pytest.approx(8.6), 2, SENTENCES)
    assert marks_given(declared, run) == {"base": 7.0, "phase1": 8.6}
    assert {c.name: c.quality for c in decision.candidates} == {"base": 7.0, "phase1": 8.6, "phase2": None}
    assert "noise_mos: pip install onnxruntime speechmos" in decision.not_measured
    assert decision.go_on is None  # phase2 is to come anyhow
    written = json.loads(json.dumps(decision.to_json()))
    assert decide_from(written["inputs"]).to_json() == written


@pytest.mark.parametrize("look, status, more", [(1, "decided", None), (2, "undecided", SENTENCES)])
def test_an_extension_is_waited_for_and_a_test_that_nobody_rated_is_not(
    declared: Declaration, run: RunFolder, look: int, status: str, more: int | None
) -> None:
    spoken(run, FIRST, "sha-0")
    spoken(run, SECOND, "sha-1")
    listen(run, better=18)
    listen(run, better=0, listeners=(), name="test 2", look=look)
    decision = decide(declared, run)
    assert (decision.status, decision.more_sentences) == (status, more)


def test_both_looks_are_taken_together(declared: Declaration, run: RunFolder) -> None:
    spoken(run, FIRST, "sha-0")
    spoken(run, SECOND, "sha-1")
    listen(run, better=14)
    assert decide(declared, run).status == "undecided"
    listen(run, better=14, name="test 2", look=2)
    decision = decide(declared, run)
    assert (decision.status, decision.ship) == ("decided", "phase1")
    assert decision.preferences[0].sentences == 2 * SENTENCES


def test_ratings_of_other_weights_do_not_count_and_it_is_said(declared: Declaration, run: RunFolder) -> None:
    spoken(run, FIRST, "sha-0")
    spoken(run, SECOND, "sha-of-a-later-training")
    listen(run, better=18)
    decision = decide(declared, run)
    assert decision.status == "provisional"
    assert decision.says.by_numbers_only
    assert any("test 1 does not count" in each and "trained further" in each for each in decision.why)


def test_faults_count_against_a_preferred_candidate(declared: Declaration, run: RunFolder) -> None:
    spoken(run, FIRST, "sha-0")
    spoken(run, SECOND, "sha-1", faulty=4)
    listen(run, better=20)
    decision = decide(declared, run)
    assert decision.ship == "base"
    assert "samples fail the checks" in decision.excluded["phase1"]


def test_notes_and_names_of_files_are_no_inputs(declared: Declaration, run: RunFolder) -> None:
    spoken(run, FIRST, "sha-0")
    spoken(run, SECOND, "sha-1")
    listen(run, better=18)
    assert "note" not in json.dumps(gather_inputs(declared, run)["votes"])


def test_a_new_rating_makes_another_decision(declared: Declaration, run: RunFolder) -> None:
    from xtts_finetune.pipeline.plan.inputs import decision_inputs

    spoken(run, FIRST, "sha-0")
    spoken(run, SECOND, "sha-1")
    before = decision_inputs(declared, run)
    listen(run, better=18)
    after = decision_inputs(declared, run)
    assert {name for name in after if after[name] != before.get(name)} == {"files ratings"}
