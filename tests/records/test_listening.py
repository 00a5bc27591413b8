"""Votes are unblinded as the key says, checks are kept apart, and what does not count is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.records.heard.listening import is_enough, read_votes
from xtts_finetune.records.heard.listening_files import checksum
from xtts_finetune.records.run_folder import RunFolder

SHAS = {"base": "sha-0", "phase1": "sha-1"}
# Opaque id: kind, sentence, A, B, what it repeats.
TRIALS: dict[str, tuple[str, str, str, str, str | None]] = {
    "p0": ("practice", "0", "reference", "anchor", None),
    "t1": ("pair", "joy", "base", "phase1", None),
    "t2": ("pair", "long", "phase1", "base", None),
    "c1": ("hidden_reference", "0", "anchor", "reference", None),
    "c2": ("repeat", "joy", "phase1", "base", "t1"),
    "c3": ("identical", "long", "base", "base", None),
    "c4": ("anchor", "joy", "base", "anchor", None),
}
GOOD = {"t1": 1, "t2": -2, "c1": 2, "c2": -1, "c3": 0, "c4": 0}


def add_test(run: RunFolder, name: str = "test-1", look: int = 1, shas: dict[str, str] = SHAS) -> str:
    folder = run.listening_test(name)
    folder.path.mkdir(parents=True)
    test = f"{name:0<16}"
    protocol = {"id": test, "name": name, "form": "short", "look": look, "seed": 5, "utterance_seed": 1}
    keys = ("trial", "kind", "sentence", "a", "b", "repeats")
    trials = [dict(zip(keys, (id_, *trial), strict=True)) for id_, trial in TRIALS.items()]
    folder.key.write_text(json.dumps({"id": test, "trials": trials, "candidates": shas}), encoding="utf-8")
    protocol |= {"checks": {"passed_at_least": 2 / 3}}
    folder.protocol.write_text(json.dumps(protocol), encoding="utf-8")
    for candidate, sha in SHAS.items():
        file = run.candidate(candidate).utterances_json
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"model_sha": sha}), encoding="utf-8")
    return test


def add_rating(run: RunFolder, listener: str, preferences: dict[str, int], test: str = "test-1") -> Path:
    def answer(trial: str, preference: int) -> dict[str, Any]:
        marks = {"a": {"overall": 6.5}, "b": {"overall": 8}}
        faults = {"a": ["noise"], "b": []}
        more = {"marks": marks, "faults": faults, "note": "<b>", "seconds": 9.5}
        return {"trial": trial, "preference": preference, **more}

    answers = [answer(trial, preference) for trial, preference in preferences.items()]
    file = run.listening_test(test).ratings / f"{listener}-00000000.json"
    file.parent.mkdir(exist_ok=True)
    rating = {"listener": listener, "answers": answers, "checksum": checksum(answers)}
    file.write_text(json.dumps(rating), encoding="utf-8")
    return file


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_no_test_gives_no_votes(run: RunFolder) -> None:
    votes = read_votes(run)
    assert (votes.votes, votes.listeners, votes.extended, votes.sentences) == ((), (), False, 0)


def test_sides_are_undone(run: RunFolder) -> None:
    add_test(run)
    add_rating(run, "Anna", GOOD)
    votes = read_votes(run)
    # A check is no vote; whoever was A, a plus is for phase1.
    assert [(v.sentence, v.first, v.second, v.preference) for v in votes.votes] == [
        ("joy", "base", "phase1", 1.0),
        ("long", "base", "phase1", 2.0),
    ]
    assert votes.votes[1].marks == {"phase1": {"overall": 6.5}, "base": {"overall": 8.0}}
    assert votes.votes[1].faults == {"phase1": ("noise",), "base": ()}
    assert (votes.sentences, votes.looks_done, votes.candidates) == (2, 1, ("base", "phase1"))
    (anna,) = votes.listeners
    assert (anna.name, anna.answers, anna.checks, anna.passed, anna.used) == ("Anna", 6, 4, 4, True)


@pytest.mark.parametrize(
    ("changed", "passed"),
    [
        ({}, 4),
        ({"c1": 0}, 3),  # a hidden recording must be preferred
        ({"c1": -1}, 3),
        ({"c2": -2}, 4),  # the repeat has its sides changed
        ({"c2": 2}, 3),
        ({"c3": 1}, 4),
        ({"c3": -2}, 3),
        ({"c4": -1}, 4),
        ({"c4": 1}, 3),  # B lacks its high tones
        ({"c1": -2, "c4": 2}, 2),
    ],
)
def test_checks_are_judged(run: RunFolder, changed: dict[str, int], passed: int) -> None:
    add_test(run)
    add_rating(run, "Anna", {**GOOD, **changed})
    votes = read_votes(run)
    (anna,) = votes.listeners
    assert (anna.checks, anna.passed, anna.used) == (4, passed, passed >= 3)
    assert len(votes.votes) == (2 if passed >= 3 else 0)
    assert anna.why == ("" if passed >= 3 else f"{passed} of 4 trials with a known answer were right")


@pytest.mark.parametrize(("checks", "needed"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (8, 6), (9, 6)])
def test_two_thirds(checks: int, needed: int) -> None:
    assert is_enough(checks, needed, 2 / 3)
    assert needed == 0 or not is_enough(checks, needed - 1, 2 / 3)


def test_other_weights_by_now_do_not_count(run: RunFolder) -> None:
    add_test(run, shas={**SHAS, "phase1": "before"})
    add_rating(run, "Anna", GOOD)
    votes = read_votes(run)
    assert votes.votes == () and not votes.extended
    assert votes.passed_over == ("the listening test test-1 does not count: phase1 has been trained further since",)


def test_looks_are_put_together(run: RunFolder) -> None:
    add_test(run)
    add_test(run, "test-1-extended", look=2)
    add_rating(run, "Anna", GOOD)
    assert (read_votes(run).extended, read_votes(run).looks_done) == (True, 1)
    add_rating(run, "Anna", GOOD, "test-1-extended")
    votes = read_votes(run)
    assert (len(votes.votes), votes.looks_done, len(votes.listeners)) == (4, 2, 2)


@pytest.mark.parametrize("damage", ["edited", "cut", "empty"])
def test_a_rating_damaged_since_leaves_its_listener_out(run: RunFolder, damage: str) -> None:
    add_test(run)
    file = add_rating(run, "Anna", GOOD)
    add_rating(run, "Béla", GOOD)
    text = file.read_text(encoding="utf-8")
    edited = text.replace('"preference": 1', '"preference": 2', 1)
    file.write_text({"edited": edited, "cut": text[:100], "empty": "{}"}[damage], encoding="utf-8")
    votes = read_votes(run)
    assert {listener.name: listener.used for listener in votes.listeners} == {
        "Anna-00000000": False,
        "Béla": True,
    }
    assert "Anna-00000000.json" in votes.listeners[0].why
    assert len(votes.votes) == 2


def test_a_damaged_key_is_said(run: RunFolder) -> None:
    add_test(run)
    run.listening_test("test-1").key.write_text('{"id": "another", "trials": []}', encoding="utf-8")
    with pytest.raises(UserError, match=r"test-1: the listening test is damaged"):
        read_votes(run)
    run.listening_test("test-1").key.write_text('{"id": "another"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"damaged \(test\.json or key\.json: it has no 'trials'\); restore"):
        read_votes(run)
