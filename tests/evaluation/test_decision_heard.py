"""What listeners said decides: histories of listening and the answer to each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pytest

from tests.evaluation.statistics.votes import duel, vote
from xtts_finetune.evaluation.decision import decide_from
from xtts_finetune.records.heard.listening import Vote

ROWS: list[dict[str, Any]] = [
    {"mel_ce": {"below": 2.5}, "quality": {"at_least": 9.0}, "ship": "phase2", "verdict": "excellent"},
    {"quality": {"at_least": 8.0}, "ship": "phase1", "verdict": "marginal gain", "then": "more data"},
    {"quality": {"below": 8.0}, "ship": "base", "verdict": "no improvement"},
    {"mel_ce": {"below": 3}, "ship": "phase2", "verdict": "improved by mel_ce"},
]
MEL_CES = {"base": 5.0, "phase1": 3.5, "phase2": 2.4}


def candidates(**mel_ces: float | None) -> list[dict[str, Any]]:
    found = []
    for name, mel_ce in {**MEL_CES, **mel_ces}.items():
        measured = {"mel_ce": mel_ce, "text_ce": 0.028, "stop_ce": 0.1, "step": 100}
        known = {"status": "done", "has_model": True, **measured}
        found.append({"name": name, "quality": None, **known})
    return found


def listened(votes: Sequence[Vote], listeners: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
    kept = [{k: v for k, v in asdict(each).items() if k not in ("faults", "note")} for each in votes]
    count = len({each.sentence for each in votes})
    known = {"looks_done": 1, "sentences": count, "planned": count, "extended": False, "passed_over": []}
    names = sorted({name for each in votes for name in (each.first, each.second)})
    return {"votes": kept, "listeners": list(listeners), "candidates": names, **known, **more}


def scored(failed: int, spoken: int = 10, similarity: float | None = 0.9) -> dict[str, Any]:
    return {
        "gate_failures": failed,
        "spoken": spoken,
        "faults": {},
        "similarity": similarity,
        "utterances": [[f"s{number}", 1, number < failed] for number in range(spoken)],
        "not_measured": {},
    }


def inputs(votes: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    known = {"read": "phase2", "rows": ROWS, "phases": ["phase1", "phase2"], "candidates": candidates()}
    return {**known, "scores": {}, "votes": votes, "training": None, **more}


def two(wins: int, losses: int, ties: int = 0, **marks: Sequence[float]) -> list[Vote]:
    """phase2 against phase1."""
    return duel("phase1", "phase2", wins, losses, ties, **marks)


TRAINED: dict[str, Any] = {
    "phase": "phase2",
    "status": "done",
    "reason": "all_steps_done",
    "trend": {"verdict": "falling", "words": "still falling"},
    "text_ce": {"start": 0.0281, "best": 0.0276},
    "levels": ["target"],
    "level": None,
}
SECOND_LOOK = {"looks_done": 2, "extended": True}


@pytest.mark.parametrize(
    "votes, look, status, ship, meanwhile",
    [
        (two(16, 4), {}, "decided", "phase2", None),
        (two(4, 16), {}, "decided", "phase1", None),
        (two(15, 5), {}, "undecided", None, "phase2"),
        (two(10, 10), {}, "undecided", None, "phase1"),
        (two(0, 0, 20), {}, "undecided", None, "phase1"),
        (two(27, 13), SECOND_LOOK, "tie", "phase2", None),
        (two(22, 18), SECOND_LOOK, "tie", "phase2", None),
        (two(21, 19), SECOND_LOOK, "tie", "phase1", None),
        (two(28, 12), SECOND_LOOK, "decided", "phase2", None),
        (two(0, 0, 40), SECOND_LOOK, "tie", "phase1", None),
        (two(13, 0), {"planned": 20}, "undecided", None, "phase2"),  # no look before its time
        (two(16, 4), {"extended": True, "planned": 40}, "undecided", None, "phase2"),
        (two(1, 1), {}, "undecided", None, "phase1"),
    ],
)
def test_a_test_of_two(
    votes: list[Vote], look: dict[str, Any], status: str, ship: str | None, meanwhile: str | None
) -> None:
    decision = decide_from(inputs(listened(votes, **look)))
    assert (decision.status, decision.ship, decision.meanwhile) == (status, ship, meanwhile)
    assert decision.provisional is (status == "undecided")
    assert decision.confidence
    assert not decision.says.by_numbers_only


@pytest.mark.parametrize(
    "votes, look, more, said",
    [
        (two(6, 14), {}, 16, "undecided: if the trend holds, about 16 more sentences would settle it"),
        (two(10, 10), {}, None, "undecided: as it looks now, even 200 more sentences would not tell them apart"),
        (two(13, 0), {"planned": 20}, 7, "undecided: 7 of the test's 20 sentences are not rated yet"),
        (two(3, 3, 2), {}, None, "undecided: 8 sentences are too few to tell"),
        (two(6, 2), {}, 16, "undecided: 8 sentences are too few to tell; if the trend holds, about 16 more"),
    ],
)
def test_how_many_more_sentences(votes: list[Vote], look: dict[str, Any], more: int | None, said: str) -> None:
    decision = decide_from(inputs(listened(votes, **look)))
    assert decision.more_sentences == more
    assert decision.verdict.startswith(said)


def test_what_is_known_of_a_look_that_is_rated_in_part_is_said_and_calls_nothing() -> None:
    decision = decide_from(inputs(listened(two(13, 0), planned=20), training=TRAINED))
    assert any("So far phase2 was preferred to phase1 in 13 of 13 sentences: not all" in each for each in decision.why)
    assert not any("chance" in each for each in decision.why if each.startswith("So far"))
    assert decision.go_on is not None
    told = [each for each in decision.go_on.conditions if "Listeners have rated 13 of 20 sentences" in each.text]
    assert [each.holds for each in told] == [None]


def test_answers_that_do_not_count_are_not_called_silence() -> None:
    decision = decide_from(inputs(listened([], [listener("béla", False)]), training=TRAINED))
    assert decision.go_on is not None and "how it sounds: no answer of a listener counts yet" in decision.not_measured
    everything = " ".join((*decision.why, *decision.not_measured, *(each.text for each in decision.go_on.conditions)))
    assert "nobody has" not in everything.lower()


def test_of_two_none_is_preferred_reads_neither() -> None:
    decision = decide_from(inputs(listened(two(10, 10))))
    assert any(each.startswith("Neither phase1 nor phase2 is preferred by more than chance") for each in decision.why)


@pytest.mark.parametrize(
    "phase2, clean, ships",
    [
        (2.482, (2, 1), "phase1"),  # within noise, fewer clean
        (2.482, (1, 2), "phase2"),
        (2.482, (2, 2), "phase1"),  # the earlier one
        (2.400, (2, 1), "phase2"),  # beyond noise
    ],
)
def test_within_noise_of_mel_ce_the_clean_samples_choose(phase2: float, clean: tuple[int, int], ships: str) -> None:
    scores = {name: scored(5 - each, 5) for name, each in zip(("phase1", "phase2"), clean, strict=True)}
    given = inputs(None, scores=scores, candidates=candidates(phase1=2.489, phase2=phase2), rows=[])
    decision = decide_from(given)
    assert decision.ship == ships
    assert any("its noise" in each for each in decision.why) is (ships == "phase1")
    row = [{"mel_ce": {"below": 3}, "ship": "phase2", "verdict": "mine"}]
    assert decide_from({**given, "rows": row}).ship == "phase2"


@pytest.mark.parametrize(("faulty", "ships"), [((2, 4), "phase1"), ((3, 4), "phase2"), ((4, 2), "phase2")])
def test_a_lower_mel_ce_does_not_outweigh_two_faulty_samples(faulty: tuple[int, int], ships: str) -> None:
    scores = {name: scored(each, 9) for name, each in zip(("phase1", "phase2"), faulty, strict=True)}
    decision = decide_from(inputs(None, scores=scores, candidates=candidates(phase1=3.2, phase2=3.1), rows=[]))
    assert decision.ship == ships
    said = "phase2 does not come first: 4 of its 9 samples fail the checks, compared with 2 of phase1's."
    assert (said in decision.why) is (ships == "phase1")
    row = [{"mel_ce": {"below": 4}, "ship": "phase2", "verdict": "mine"}]
    chosen = inputs(None, scores=scores, candidates=candidates(phase1=3.2, phase2=3.1), rows=row)
    assert decide_from(chosen).ship == "phase2", "a row that matches chooses"


def test_ears_win_over_the_matrix_and_mel_ce_and_it_is_said() -> None:
    decision = decide_from(inputs(listened(two(2, 18, phase1=[9.0, 9.5], phase2=[9.4, 9.2]))))
    assert (decision.status, decision.ship) == ("decided", "phase1")
    assert "The matrix would ship phase2; listeners prefer phase1, and ears win." in decision.why
    assert any(
        each.startswith(
            "phase2 has the lowest mel_ce of all (2.400, compared with 3.500 of phase1); listeners hear it otherwise"
        )
        for each in decision.why
    )


def test_where_the_matrix_agrees_its_verdict_is_the_answer() -> None:
    decision = decide_from(inputs(listened(two(18, 2, phase1=[8.0], phase2=[9.4, 9.6, 9.5]))))
    assert (decision.ship, decision.row, decision.verdict) == ("phase2", 1, "excellent")
    assert not any("ears win" in each for each in decision.why)
    assert decision.quality["phase2"].mark == pytest.approx(9.5, abs=0.05)
    assert decision.candidates[2].quality == pytest.approx(9.5, abs=0.05)


def test_a_mark_that_reaches_into_two_rows_leaves_it_open_and_says_how_far() -> None:
    marks = [9.0, 9.5, 8.5, 9.4, 8.9] * 4
    decision = decide_from(inputs(listened(two(10, 10, phase1=[8.5], phase2=marks))))
    assert (decision.status, decision.ship, decision.row) == ("undecided", None, 1)
    low, high = decision.quality["phase2"].low, decision.quality["phase2"].high
    assert low < 9.0 < high
    said = next(each for each in decision.why if each.startswith("The score is not certain enough"))
    assert f"at {low:.2f} it ships phase1" in said and f"at {high:.2f} phase2" in said


def test_a_score_just_below_a_limit_is_not_rounded_across_it() -> None:
    decision = decide_from(inputs(listened(two(18, 2, phase1=[8.0], phase2=[8.96]))))
    assert decision.row == 2
    assert any("phase2 was given 8.96 out of 10" in each for each in decision.says.reasons)


def test_preference_settles_it_between_those_that_the_matrix_names() -> None:
    # phase2 and phase1 are named; neither is told from the base, which the matrix does not name.
    marks = {"phase1": [8.5], "phase2": [9.0, 9.5, 8.5, 9.4, 8.9] * 4}
    votes = [*two(19, 1, **marks), *duel("base", "phase1", 12, 8), *duel("base", "phase2", 13, 7)]
    decision = decide_from(inputs(listened(votes)))
    assert (decision.status, decision.ship) == ("decided", "phase2")
    clear = {"phase1": [8.5], "phase2": [9.9]}
    votes = [*two(19, 1, **clear), *duel("base", "phase1", 12, 8), *duel("base", "phase2", 13, 7)]
    assert decide_from(inputs(listened(votes))).status == "undecided"


def test_who_is_preferred_to_the_others_named_must_not_be_beaten_by_one_that_is_not_named() -> None:
    marks = {"phase1": [8.5], "phase2": [9.0, 9.5, 8.5, 9.4, 8.9] * 4}
    votes = [*two(19, 1, **marks), *duel("base", "phase1", 12, 8), *duel("base", "phase2", 13, 7)]
    votes += [*duel("phase2", "average", 19, 1), *duel("base", "average", 12, 8)]
    decision = decide_from(inputs(listened(votes), candidates=candidates(average=2.6)))
    assert (decision.status, decision.meanwhile) == ("undecided", "average")


def test_three_candidates_have_strengths() -> None:
    votes = [*two(19, 1), *duel("base", "phase1", 18, 2), *duel("base", "phase2", 20, 0)]
    decision = decide_from(inputs(listened(votes)))
    assert (decision.status, decision.ship) == ("decided", "phase2")
    strengths = [decision.strengths[name]["strength"] for name in ("base", "phase1", "phase2")]
    assert strengths == sorted(strengths)
    assert not decision.excluded


def test_a_candidate_that_sounds_worse_than_the_base_never_ships_by_itself() -> None:
    decision = decide_from(inputs(listened(duel("base", "phase2", 1, 19, base=[7.0], phase2=[9.9]))))
    assert (decision.status, decision.ship) == ("decided", "base")
    assert "listeners prefer the base to it, in 19 of 20 sentences" in decision.excluded["phase2"]
    # Row 1 would ship it by its mark: it is passed over.
    assert decision.row != 1


@pytest.mark.parametrize("failed, excluded", [(0, False), (1, False), (2, False), (3, True), (10, True)])
def test_one_faulty_utterance_more_than_the_base_is_said_and_two_exclude(failed: int, excluded: bool) -> None:
    scores = {"base": scored(1), "phase2": scored(failed)}
    decision = decide_from(inputs(listened(two(20, 0)), scores=scores))
    assert ("phase2" in decision.excluded) is excluded
    assert decision.ship == ("phase1" if excluded else "phase2")
    warned = any("has one faulty sample more than the base" in each for each in decision.why)
    assert warned is (failed == 2)


def test_without_votes_an_excluded_candidate_is_passed_over() -> None:
    decision = decide_from(inputs(None, scores={"base": scored(0), "phase2": scored(4)}))
    assert (decision.status, decision.row) == ("provisional", 2)
    assert decision.ship == "phase1"
    assert any(each.startswith("phase2 is held back") for each in decision.why)
    assert decision.says.by_numbers_only
    assert all(each.quality is None for each in decision.candidates)


def test_by_numbers_one_that_mostly_fails_is_held_back_where_another_is_clean() -> None:
    scores = {"base": scored(10), "phase1": scored(1), "phase2": scored(9)}
    decision = decide_from(inputs(None, scores=scores))
    assert decision.ship == "phase1"
    assert decision.excluded["phase2"] == "9 of its 10 samples fail the checks, compared with 1 of phase1's"
    assert decide_from(inputs(listened(two(20, 0)), scores=scores)).ship == "phase2"
    scores["phase1"] = scored(6)
    assert "phase2" not in decide_from(inputs(None, scores=scores)).excluded


def test_only_utterances_that_both_spoke_are_compared() -> None:
    # The candidate spoke ten lines more, and failed in three of those: that says nothing against the base.
    more = {**scored(0), "utterances": [*scored(0)["utterances"], *([f"x{n}", 1, True] for n in range(3))]}
    assert "phase2" not in decide_from(inputs(None, scores={"base": scored(0), "phase2": more})).excluded


@pytest.mark.parametrize(
    "base, phase1, phase2, ships, why",
    [
        (scored(1), scored(1), scored(0), "phase2", "fewer of its samples fail the checks"),
        (scored(0), scored(0, similarity=0.95), scored(0), "phase1", "its voice is more similar"),
        (scored(0), scored(0, similarity=0.905), scored(0), "base", "it is the earlier one"),
        (scored(0), scored(0, similarity=None), scored(0), "base", "it is the earlier one"),
        (scored(2), scored(1), scored(1, similarity=0.95), "phase2", "its voice is more similar"),
    ],
)
def test_the_tie_rule(base: Any, phase1: Any, phase2: Any, ships: str, why: str) -> None:
    votes = [*two(10, 10), *duel("base", "phase1", 10, 10), *duel("base", "phase2", 10, 10)]
    scores = {"base": base, "phase1": phase1, "phase2": phase2}
    decision = decide_from(inputs(listened(votes, **SECOND_LOOK), scores=scores))
    assert (decision.status, decision.ship) == ("tie", ships)
    assert why in decision.verdict
    open_yet = decide_from(inputs(listened(votes), scores=scores))
    assert (open_yet.status, open_yet.ship, open_yet.meanwhile) == ("undecided", None, ships)


def test_a_tie_is_among_those_that_nobody_is_preferred_to() -> None:
    votes = [*two(10, 10), *duel("base", "phase1", 19, 1), *duel("base", "phase2", 18, 2)]
    scores = {"base": scored(0), "phase1": scored(1), "phase2": scored(1)}
    decision = decide_from(inputs(listened(votes, **SECOND_LOOK), scores=scores))
    assert (decision.status, decision.ship) == ("tie", "phase1")


def listener(name: str, used: bool) -> dict[str, Any]:
    why = "" if used else "passed 1 of 4 checks"
    return {"name": name, "answers": 20, "checks": 4, "passed": 4 if used else 1, "used": used, "why": why}


def test_a_listener_who_failed_the_checks_is_named() -> None:
    votes = [vote("phase1", "phase2", f"s{n}", 1.0 if n < 17 else -1.0, "anna") for n in range(20)]
    decision = decide_from(inputs(listened(votes, [listener("anna", True), listener("béla", False)])))
    assert (decision.status, decision.ship) == ("decided", "phase2")
    assert "béla's answers are left out: passed 1 of 4 checks." in decision.why
    assert decision.why[0] == "1 listener rated 20 sentences."


def test_ratings_of_what_is_no_candidate_any_more_do_not_count() -> None:
    votes = [*two(16, 4), *duel("phase2", "average", 20, 0)]
    decision = decide_from(inputs(listened(votes)))
    assert (decision.status, decision.ship) == ("decided", "phase2")
    assert "Ratings of average do not count: no longer among the candidates." in decision.why
    assert decide_from(inputs(listened(duel("phase2", "average", 20, 0)))).status == "provisional"


def test_when_nobody_counts_it_is_as_if_nobody_had_listened() -> None:
    decision = decide_from(inputs({**listened([], [listener("béla", False)]), "passed_over": ["the test x is old"]}))
    assert (decision.status, decision.quality) == ("provisional", {})
    assert decision.says.by_numbers_only
    assert "béla's answers are left out: passed 1 of 4 checks." in decision.why
    assert "The test x is old." in decision.why


def test_what_was_not_heard_or_measured_is_said() -> None:
    found = decide_from(inputs(listened(two(16, 4)), scores={"phase1": scored(0)})).not_measured
    assert found == (
        "how the base sounds to listeners",
        "the samples of the base and phase2: they have not been checked",
    )
    missing = {**scored(0), "not_measured": {"similarity": "pip install --no-deps resemblyzer"}}
    scores = dict.fromkeys(MEL_CES, missing)
    found = decide_from(inputs(None, scores=scores)).not_measured
    assert found == ("how it sounds: nobody has listened", "similarity: pip install --no-deps resemblyzer")


@pytest.mark.parametrize("look", [{}, SECOND_LOOK])
def test_deciding_again_from_decision_json_gives_the_same(look: dict[str, Any]) -> None:
    marks = {"phase1": [8.5, 7.0, 9.5], "phase2": [9.0, 9.5, 8.5, 9.4, 8.9] * 4}
    votes = [*two(13, 5, 2, **marks), *duel("base", "phase1", 12, 8), *duel("base", "phase2", 13, 7)]
    given = inputs(listened(votes, [listener("anna", True)], **look), scores={"base": scored(0)}, training=TRAINED)
    decision = decide_from(given)
    written = json.loads(json.dumps(decision.to_json()))
    assert decide_from(written["inputs"]).to_json() == written == decision.to_json()
    assert set(written["preferences"][0]) >= {"first", "second", "wins_first", "p_holm", "significant", "low"}
