"""The unit is the sentence: listeners and seeds are averaged before anything is counted."""

from __future__ import annotations

import pytest

from tests.evaluation.statistics.votes import vote
from xtts_finetune.evaluation.statistics.preferences import Counts, count
from xtts_finetune.evaluation.statistics.sentences import marks_by_sentence, preferences_by_sentence

ORDER = ("base", "phase1", "phase2")


def test_listeners_count_alike_however_many_seeds_each_heard() -> None:
    votes = [
        vote("base", "phase1", "one", 2, "anna", seed=1),
        vote("base", "phase1", "one", 2, "anna", seed=2),
        vote("base", "phase1", "one", 2, "anna", seed=3),
        vote("base", "phase1", "one", -1, "cili"),
    ]
    assert preferences_by_sentence(votes, ORDER) == {("base", "phase1"): {"one": 0.5}}


def test_many_listeners_of_one_sentence_are_one_sentence() -> None:
    votes = [vote("base", "phase1", "one", 1, f"listener {number}") for number in range(50)]
    ((_, means),) = preferences_by_sentence(votes, ORDER).items()
    assert count(means.values()) == Counts(first=0, second=1, ties=0)


def test_listeners_who_contradict_each_other_make_a_tie() -> None:
    votes = [vote("base", "phase1", "one", 1, "anna"), vote("base", "phase1", "one", -1, "cili")]
    thirds = [vote("base", "phase1", "two", p, name) for p, name in ((0.1, "a"), (0.2, "b"), (-0.3, "c"))]
    ((_, means),) = preferences_by_sentence(votes + thirds, ORDER).items()
    assert count(means.values()) == Counts(0, 0, 2)


def test_a_pair_named_the_other_way_round_is_the_same_pair() -> None:
    votes = [
        vote("phase1", "base", "one", -2),
        vote("base", "phase1", "two", 1),
        vote("phase2", "phase1", "one", 1),
    ]
    assert preferences_by_sentence(votes, ORDER) == {
        ("base", "phase1"): {"one": 2, "two": 1},
        ("phase1", "phase2"): {"one": -1},
    }


def test_marks_are_averaged_over_pairs_and_listeners() -> None:
    votes = [
        vote("base", "phase1", "one", 1, "anna", {"base": 6, "phase1": 8}),
        vote("phase1", "phase2", "one", 1, "anna", {"phase1": 9, "phase2": 9}),
        vote("base", "phase1", "one", 1, "cili", {"base": 5, "phase1": 7}),
        vote("base", "phase1", "two", 0, "cili", {}),
    ]
    assert marks_by_sentence(votes, "phase1") == {"one": pytest.approx(7.75)}
    assert marks_by_sentence(votes, "phase2") == {"one": 9}
    assert marks_by_sentence(votes, "phase1", "emotion") == {}
