"""Every place says the same of a run, and what it says is true: over forty states of a run and more."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.statistics.votes import duel
from tests.evaluation.test_decision_heard import listened, scored
from tests.evaluation.verdict_states import (
    BY_MARK,
    GOOD,
    NARROW,
    ROWS,
    STATES,
    TWO_LEVELS,
    WHOLE,
    Shown,
    State,
    build,
    shown,
)
from xtts_finetune.evaluation.decision import decide_from
from xtts_finetune.records.heard.scores import read_scores
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.records.verdict import read_verdict, the

SHIPS = re.compile(r"\bship\b|\bexcellent\b", re.IGNORECASE)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_every_place_says_the_same_of_a_run_and_it_is_true(state: State, tmp_path: Path) -> None:
    declaration, run = build(state, tmp_path)
    found = shown(declaration, run)
    said = found.decision.says
    for place, told in found.places.items():
        assert told.headline == said.headline, place
        assert told.reasons == said.reasons, place
    for record in found.records:
        assert f"**{said.headline}**" in record.replace("\\", "")
    assert {place for place in found.places if place != "card"} == {"report", "terminal", "monitor"}
    who_ships(found)
    clean_samples(found, {name: read_scores(run.candidate(name).scores_json) for name in state.mel_ces})
    what_it_rests_on(state, found)
    lowest_is_lowest(found)
    rows_agree(found)
    shares_stay_on_their_side(state, found)
    conditions_are_facts(found)
    levels_agree(found)
    stored_and_decided_again(found, json.loads(run.decision.read_text(encoding="utf-8")))


def who_ships(found: Shown) -> None:
    says, decision = found.decision.says, found.decision
    assert (says.ship, says.meanwhile, says.status) == (decision.ship, decision.meanwhile, decision.status)
    named = decision.ship or decision.meanwhile
    if named is None:
        assert says.headline.startswith("Nothing to ship yet: ")
        assert "card" not in found.places
        return
    assert re.search(rf"\b{the(named)}\b", says.headline)
    if ships := re.search(r"\b(?:ship|keep) ((?:the )?\w+)", says.headline):
        assert ships[1] == the(decision.ship or "")
    for name in {each.name for each in decision.candidates} - {named}:
        assert not re.search(
            rf"\b{the(name)}\b(?! has not| have not| and | is not finished| failed)", says.headline
        ) or (re.search(rf"nobody has listened to {name}", says.headline))


def clean_samples(found: Shown, scores: dict[str, Any]) -> None:
    says = found.decision.says
    named = says.ship or says.meanwhile
    clean = {name: (each.spoken - each.gate_failures, each.spoken) for name, each in scores.items() if each is not None}
    if named is None:
        return
    if named not in clean:
        assert "its samples have not been checked" in says.headline
        assert (says.clean, says.spoken) == (None, None)
        return
    of, all_ = clean[named]
    assert (says.clean, says.spoken) == (of, all_)
    assert f"{of} of {all_} sample" in says.headline
    if 2 * of < all_:
        assert f"but {'only ' if of else ''}{of} of {all_} sample" in says.headline
    if all(each == 0 for each, _ in clean.values()):
        assert not SHIPS.search(says.headline) and "no model is fit for use yet" in says.headline
    for sentence in says.reasons:
        for name, (of, all_) in clean.items():
            if f"It ships {the(name)}, which it calls" in sentence and 2 * of < all_:
                assert f"but {'only ' if of else ''}{of} of {all_} samples" in sentence
    for name, cells in found.page.rows.items():
        if name in clean and 2 * clean[name][0] < clean[name][1]:
            assert not SHIPS.search(" ".join(cells))


def what_it_rests_on(state: State, found: Shown) -> None:
    says = found.decision.says
    counted = state.heard is not None and not state.heard.failed
    if says.status != "nothing":
        assert says.headline.startswith("By numbers alone, ") is says.by_numbers_only
        assert says.sure
    assert not (says.by_numbers_only and counted)
    for phase, mel_ces in state.mel_ces.items():
        if mel_ces is None and phase.startswith("phase"):
            assert re.search(rf"{phase}\b.* not been trained yet", says.headline)


def lowest_is_lowest(found: Shown) -> None:
    shown_ = {each.name: each.mel_ce for each in found.decision.candidates if each.mel_ce is not None}
    for sentence in found.decision.says.reasons:
        if told := re.match(r"([Tt]he base|\w+) has the lowest mel_ce of all", sentence):
            name = told[1].lower().removeprefix("the ")
            assert shown_[name] == min(shown_.values())
            if compared := re.search(r"\(([\d.]+), compared with ([\d.]+) of", sentence):
                assert float(compared[1]) < float(compared[2])
        if told := re.match(r"Of the models that may ship, (?:the )?(\w+) has the lowest", sentence):
            excluded = found.decision.excluded
            assert shown_[told[1]] == min(mel_ce for name, mel_ce in shown_.items() if name not in excluded)
    assert not any("lowest" in each for each in found.decision.says.reasons) or len(shown_) > 1


def rows_agree(found: Shown) -> None:
    """The first row that a reason names is the one that the table has for the candidate that is read."""
    reasons = found.decision.says.reasons
    named = [int(row) for each in reasons for row in re.findall(r"^Row (\d+) of the decision matrix", each)]
    read = next((each.split()[0] for each in reasons if " is best at step " in each), None)
    if read is None:
        return
    row = found.page.rows[read][-1].split(",")[0]
    assert row == (str(named[0]) if named else "–")
    if found.decision.row is not None:
        assert found.decision.row == named[-1]


def shares_stay_on_their_side(state: State, found: Shown) -> None:
    known = {each.name: each.mel_ce for each in found.decision.candidates}
    limits = [100 * bound for row in state.rows for bound in (row.get("mel_ce_of_base") or {}).values()]
    for sentence in found.decision.says.reasons:
        if told := re.search(r"^(\w+) is best .* which is ([\d.]+) % of the base's", sentence):
            exact = 100 * (known[told[1]] or 0) / (known["base"] or 1)
            for limit in limits:
                assert (float(told[2]) < limit) is (exact < limit), sentence
            assert float(told[2]) == pytest.approx(exact, abs=0.51)


def conditions_are_facts(found: Shown) -> None:
    assert found.page.conditions == [each.marked() for each in found.decision.says.conditions]
    for each in found.page.conditions:
        assert each[:2] in ("✓ ", "✗ ", "? ") and each.endswith(".")
        assert each.startswith("?") or not re.search(r"\bnot\b|n't", each)


def levels_agree(found: Shown) -> None:
    """No record names as reached what it also names as missed."""
    for record in found.records:
        reached = re.search(r"^Reached: (\w+)", record, re.MULTILINE)
        missed = re.findall(r"^Not reached: (\w+)", record, re.MULTILINE)
        if reached:
            assert reached[1] not in missed
        assert ("## What to try" in record) is bool(missed or "| Scenario | success" not in record)


def stored_and_decided_again(found: Shown, written: dict[str, Any]) -> None:
    """decision.json holds the verdict; one from before there was a verdict is worded from what it has."""
    assert read_verdict(written) == found.decision.says
    assert decide_from(written["inputs"]).says == found.decision.says
    older = read_verdict({key: value for key, value in written.items() if key != "says"})
    says = found.decision.says
    assert (older.ship, older.meanwhile, older.clean, older.spoken) == (
        says.ship,
        says.meanwhile,
        says.clean,
        says.spoken,
    )
    if says.clean is not None:
        assert f"{says.clean} of {says.spoken} sample" in older.headline


def test_the_record_of_an_interrupted_phase_says_only_to_continue_it(tmp_path: Path) -> None:
    stop = Stop(Reason.INTERRUPTED, "interrupted by the user")
    state = State("interrupted", WHOLE, GOOD, ended={"phase2": stop}, success=TWO_LEVELS)
    record = shown(*build(state, tmp_path)).records[1]
    assert "interrupted so far; minimum already reached" in record and "| Scenario | success" not in record
    tries = record.split("## What to try")[1]
    assert "**Continue.**" in tries and "run_pipeline" in tries and "More data" not in tries


MEL_CES = st.sampled_from([None, 3.0, 3.0004, 3.1, 3.44, 4.0]) | st.floats(2, 5)


@st.composite
def gathered(draw: st.DrawFn) -> dict[str, Any]:
    """What a decision is made from, of any run."""
    names = ["base", "phase1", "phase2", "average"]
    found, scores = [], {}
    for name in names:
        mel_ce, spoken = draw(MEL_CES), draw(st.sampled_from([0, 1, 5, 16]))
        made = {"name": name, "quality": draw(st.sampled_from([None, None, 8.0, 9.0]))}
        known = {"mel_ce": mel_ce, "text_ce": draw(st.sampled_from([None, 0.028])), "stop_ce": 0.1, "step": 100}
        status = draw(st.sampled_from(["done", "done", "failed", "unfinished"])) if name.startswith("phase") else "done"
        model = name == "base" or draw(st.booleans())
        run = (
            {"status": "not run", "has_model": False}
            if mel_ce is None
            else {"status": status, "has_model": model, **known}
        )
        found.append({**made, **run})
        if spoken:
            scores[name] = scored(draw(st.integers(0, spoken)), spoken)
    rows = draw(st.lists(st.sampled_from([*ROWS, *BY_MARK, *NARROW]), max_size=4))
    wins, pair = draw(st.integers(0, 20)), draw(st.sampled_from([None, ("base", "phase1"), ("phase1", "phase2")]))
    votes = None if pair is None else listened(duel(*pair, wins, 20 - wins), extended=draw(st.booleans()))
    known = {
        "phases": ["phase1", "phase2"],
        "read": draw(st.sampled_from([None, "phase2", "average"])),
        "training": None,
    }
    return {**known, "candidates": found, "scores": scores, "rows": rows, "votes": votes}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(gathered())
def test_the_sentences_are_true_of_any_run(inputs: dict[str, Any]) -> None:
    decision = decide_from(inputs)
    says, scores = decision.says, inputs["scores"]
    if named := decision.ship or decision.meanwhile:
        assert the(named) in says.headline
        if named in scores:
            clean, spoken = scores[named]["spoken"] - scores[named]["gate_failures"], scores[named]["spoken"]
            assert f"{clean} of {spoken} sample" in says.headline
            assert 2 * clean >= spoken or not re.search(r"\bship\b|keep the", says.headline)
    known = {each["name"]: each.get("mel_ce") for each in inputs["candidates"] if each.get("mel_ce") is not None}
    for reason in says.reasons:
        if told := re.match(r"([Tt]he base|\w+) has the lowest mel_ce of all", reason):
            assert known[told[1].lower().removeprefix("the ")] == min(known.values())
    assert len(set(says.reasons)) == len(says.reasons)
    assert read_verdict(decision.to_json()) == says
