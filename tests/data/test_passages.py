from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.data_samples import clip
from xtts_finetune.data.eval_set import choose_eval_set
from xtts_finetune.data.passages import passages, place_of
from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.spec.pipeline import EvalSetSpec

OURS = frozenset({"a"})


def recorded(gaps: Sequence[float], recording: str = "talk", seconds: float = 5.0) -> list[ClipRecord]:
    """Clips of 5 s of a recording, with these pauses between them."""
    clips, at = [], 0.0
    for gap in (0.0, *gaps):
        at += gap
        name = f"{recording}_{round(at * 1000):09}_{round((at + seconds) * 1000):09}"
        clips.append(clip(name, "a", hashlib.sha256(name.encode()).hexdigest()))
        at += seconds
    return clips


def held_out(clips: Sequence[ClipRecord], fraction: float = 0.1, at_least: int = 1) -> set[str]:
    spec = EvalSetSpec(fraction=fraction, at_least=at_least, seed=1)
    return {each.id for each in choose_eval_set(clips, spec, OURS).clips}


def borders(clips: Sequence[ClipRecord], chosen: set[str]) -> int:
    """How often a clip that is held out lies next to one that is trained on."""
    sides = [each.id in chosen for each in clips]
    return sum(one != other for one, other in itertools.pairwise(sides))


def test_an_hour_of_speech_gives_few_long_passages_and_exactly_its_share():
    draw = random.Random(1)
    clips = recorded([draw.uniform(0.3, 1.5) for _ in range(599)])
    chosen = held_out(clips)
    assert len(chosen) == 60
    assert borders(clips, chosen) <= 10, "of 60 clips drawn one by one about 108 would have a neighbour in training"


def test_passages_end_where_the_longest_pauses_are():
    pauses = [20.0 if place % 10 == 9 else 0.4 for place in range(119)]
    clips = recorded(pauses)
    chosen = held_out(clips, fraction=0.34)
    sides = [each.id in chosen for each in clips]
    at_borders = [gap for gap, one, other in zip(pauses, sides, sides[1:], strict=False) if one != other]
    assert sum(gap == 20.0 for gap in at_borders) >= len(at_borders) - 2, "the last passage may be cut to fit"


def test_a_passage_never_crosses_from_one_recording_to_the_next():
    clips = [each for name in "pqrstuvwxyz" for each in recorded([0.4] * 9, name)]
    chosen = held_out(clips, fraction=0.2)
    for name in "pqrstuvwxyz":
        own = [each for each in clips if each.id.startswith(f"{name}_")]
        assert borders(own, chosen) <= 2


@given(order=st.randoms(use_true_random=False), seconds=st.floats(2, 11))
def test_the_order_of_the_clips_does_not_matter(order: random.Random, seconds: float):
    clips = recorded([0.4] * 40, seconds=seconds)
    shuffled = [*clips]
    order.shuffle(shuffled)
    assert held_out(shuffled, 0.2) == held_out(clips, 0.2)


@given(count=st.integers(1, 80), wanted=st.integers(0, 60))
def test_passages_hold_every_clip_once(count: int, wanted: int):
    places = [place for each in recorded([0.5] * (count - 1)) if (place := place_of(each.id)) is not None]
    found = [place for passage in passages(places, wanted) for place in passage]
    assert found == list(range(count))


def test_other_data_sets_are_chosen_as_before():
    ours, others = recorded([0.4] * 49), [clip(n, "b") for n in range(50)]
    spec = EvalSetSpec(fraction=0.2, at_least=1, seed=1)
    of_b = {each.id for each in choose_eval_set([*ours, *others], spec, OURS).clips if each.dataset == "b"}
    assert of_b == {each.id for each in choose_eval_set([*ours, *others], spec).clips if each.dataset == "b"}


@pytest.mark.parametrize("name", ["talk", "talk_1_2", "talk_000000001", "a_b_1_000000001_x"])
def test_a_name_without_a_place_has_none(name: str):
    assert place_of(name) is None
