"""Every plan is balanced, opaque, and has its checks where they cannot be told."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xtts_finetune.evaluation.listening.plan import Plan, make_plan, sittings_of

NAMES = ("base", "phase1", "phase2", "mean", "last")


def pairs_of(candidates: int) -> list[tuple[str, str]]:
    return list(combinations(NAMES[:candidates], 2))


plans = st.builds(
    lambda candidates, sentences, recordings, seed: (
        make_plan(pairs_of(candidates), [f"s{n}" for n in range(sentences)], recordings, seed),
        NAMES[:candidates],
        sentences,
    ),
    st.integers(2, 5),
    st.integers(3, 40),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
)
WhatWasPlanned = tuple[Plan, tuple[str, ...], int]


@settings(max_examples=60, deadline=None)
@given(plans)
def test_every_plan_keeps_the_rules(planned: WhatWasPlanned) -> None:
    plan, candidates, sentences = planned
    pairs = [trial for trial in plan.trials if trial.kind == "pair"]
    checks = [trial for trial in plan.trials if trial.kind != "pair"]

    # Each pair of candidates with each sentence, once.
    heard = Counter((frozenset(trial.labels), trial.sentence) for trial in pairs)
    assert set(heard.values()) == {1}
    assert len(heard) == sentences * len(list(combinations(candidates, 2)))
    assert all(trial.a.of == trial.b.of for trial in plan.trials)

    # Each candidate is A as often as B, within one.
    as_a = Counter(trial.a.source for trial in pairs)
    as_b = Counter(trial.b.source for trial in pairs)
    assert all(abs(as_a[name] - as_b[name]) <= 1 for name in candidates)

    # About one in eight is a check; none is first, none follows another, no sentence follows itself.
    assert abs(len(checks) - len(plan.trials) / 8) <= 1
    assert plan.trials[0].kind == "pair"
    assert not any(one.kind != "pair" != two.kind for one, two in pairwise(plan.trials))
    assert not any(
        one.sentence == two.sentence and one.a.source in candidates and two.a.source in candidates
        for one, two in pairwise(plan.trials)
    )
    assert checks[0].kind == "hidden_reference"

    # A repeat is of an earlier pair, by then forgotten, with its sides changed.
    places = {trial.id: place for place, trial in enumerate(plan.trials)}
    for trial in checks:
        if trial.kind == "repeat":
            first = plan.trials[places[str(trial.repeats)]]
            assert (trial.a, trial.b) == (first.b, first.a) and first.kind == "pair"
            assert places[trial.id] - places[first.id] >= 4
        elif trial.kind == "identical":
            assert trial.a == trial.b
        else:
            assert sorted([trial.a.damage, trial.b.damage]) == ["", "low-pass"]

    assert len(plan.practice) == 3
    everything = [*plan.practice, *plan.trials]
    assert len({trial.id for trial in everything}) == len(everything)
    assert sum(plan.sittings) == len(plan.trials) and max(plan.sittings) <= 15


def test_the_seed_decides_alone() -> None:
    sentences = [f"s{n}" for n in range(20)]
    plans = [make_plan(pairs_of(2), sentences, 3, seed) for seed in (1, 1, 2)]
    assert plans[0] == plans[1]
    assert [t.sentence for t in plans[0].trials] != [t.sentence for t in plans[2].trials]
    assert {t.id for t in plans[0].trials}.isdisjoint(t.id for t in plans[2].trials)


@pytest.mark.parametrize("left_out", range(6))
def test_pairs_may_be_left_out(left_out: int) -> None:
    pairs = [pair for number, pair in enumerate(pairs_of(4)) if number != left_out]
    plan = make_plan(pairs, [f"s{n}" for n in range(7)], 1, 5)
    compared = [trial for trial in plan.trials if trial.kind == "pair"]
    assert {frozenset(trial.labels) for trial in compared} == set(map(frozenset, pairs))
    as_a, as_b = Counter(t.a.source for t in compared), Counter(t.b.source for t in compared)
    assert all(abs(as_a[name] - as_b[name]) <= 1 for name in NAMES[:4])


def test_sides_and_order_change_from_seed_to_seed() -> None:
    """Over many seeds, every sentence is heard everywhere and every candidate on both sides of it."""
    firsts, sides = Counter[str](), Counter[str]()
    for seed in range(300):
        plan = make_plan(pairs_of(2), ["s0", "s1", "s2", "s3"], 2, seed)
        firsts[plan.trials[0].sentence] += 1
        sides[next(t for t in plan.trials if t.kind == "pair" and t.sentence == "s0").a.source] += 1
    assert min(firsts.values()) > 300 / 4 * 0.6
    assert min(sides.values()) > 300 / 2 * 0.8


def test_practice_lets_hear_each_damage_once() -> None:
    plan = make_plan(pairs_of(2), ["s0"], 1, 0)
    assert sorted(t.a.damage or t.b.damage for t in plan.practice) == ["cut", "low-pass", "noise"]
    assert all("" in (t.a.damage, t.b.damage) for t in plan.practice)


@pytest.mark.parametrize(
    ("trials", "expected"), [(1, (1,)), (15, (15,)), (16, (8, 8)), (23, (12, 11)), (68, (14, 14, 14, 13, 13))]
)
def test_sittings(trials: int, expected: tuple[int, ...]) -> None:
    assert sittings_of(trials) == expected


@pytest.mark.parametrize(("candidates", "sentences", "recordings"), [(1, 5, 1), (2, 0, 1), (2, 5, 0)])
def test_too_little_for_a_test(candidates: int, sentences: int, recordings: int) -> None:
    with pytest.raises(ValueError, match="needs two candidates"):
        make_plan(pairs_of(candidates), [str(n) for n in range(sentences)], recordings, 0)
