from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.data_samples import clip
from xtts_finetune.data.eval_set import EvalSet, choose_eval_set, read_eval_set, write_eval_set
from xtts_finetune.errors import UserError
from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.spec.pipeline import EvalSetSpec


def spec(fraction: float = 0.1, at_least: int = 1, seed: int = 1) -> EvalSetSpec:
    return EvalSetSpec(fraction=fraction, at_least=at_least, seed=seed)


def split_by(eval_set: EvalSet, clips: list[ClipRecord]) -> list[ClipRecord]:
    return [replace(c, split="eval" if c.sha256 in eval_set.sounds else "train") for c in clips]


@pytest.mark.parametrize(
    "clips, fraction, at_least, chosen",
    [
        (311, 0.1, 16, 31),
        (100, 0.1, 16, 16),
        (20, 0.1, 16, 10),  # never more than half
        (3, 0.1, 16, 1),
        (2, 0.1, 16, 1),
        (1, 0.1, 16, 0),
        (0, 0.1, 16, 0),
    ],
)
def test_size(clips: int, fraction: float, at_least: int, chosen: int):
    assert len(choose_eval_set([clip(n) for n in range(clips)], spec(fraction, at_least)).clips) == chosen


def test_every_data_set_gives_its_share():
    clips = [clip(n, "a") for n in range(80)] + [clip(n, "b") for n in range(231)]
    chosen = choose_eval_set(clips, spec(0.1, 16)).clips
    assert Counter(c.dataset for c in chosen) == {"a": 8, "b": 23}


@given(order=st.randoms(use_true_random=False))
def test_neither_order_nor_names_matter(order: random.Random):
    clips = [clip(n, "ab"[n % 2]) for n in range(40)]
    chosen = {c.sha256 for c in choose_eval_set(clips, spec(0.2)).clips}
    moved = [clip(100 + n, c.dataset, c.sha256) for n, c in enumerate(clips)]
    order.shuffle(moved)
    assert {c.sha256 for c in choose_eval_set(moved, spec(0.2)).clips} == chosen


def test_the_seed_matters():
    clips = [clip(n) for n in range(100)]
    assert choose_eval_set(clips, spec(seed=1)).clips != choose_eval_set(clips, spec(seed=2)).clips


@given(sounds=st.lists(st.integers(0, 12), min_size=1, max_size=40), at_least=st.integers(1, 20))
def test_one_sound_is_never_on_both_sides_and_never_more_than_half_is_held_out(sounds: list[int], at_least: int):
    clips = [clip(n, "abc"[n % 3], sha256=f"{sound:064}") for n, sound in enumerate(sounds)]
    split = split_by(choose_eval_set(clips, spec(at_least=at_least)), clips)
    sides = {side: {c.sha256 for c in split if c.split == side} for side in ("train", "eval")}
    assert not sides["train"] & sides["eval"]
    assert sum(c.split == "eval" for c in split) <= len(clips) / 2
    assert all(c.id == before.id for c, before in zip(split, clips, strict=True))


def test_what_is_frozen_stays_when_clips_come_and_go():
    clips = [clip(n) for n in range(20)]
    frozen = choose_eval_set(clips, spec(at_least=4))
    held_out = {c.sha256 for c in frozen.clips}
    left, *_ = frozen.clips
    later = [c for c in clips if c.sha256 != left.sha256] + [clip(n) for n in range(20, 60)]
    split = split_by(frozen, later)
    assert {c.sha256 for c in split if c.split == "eval"} == held_out - {left.sha256}
    assert all(c.split == "train" for c in split if int(c.id[1:]) >= 20)
    assert frozen.gone(later) == [f"a/{left.id}"]


def test_a_copy_of_a_held_out_sound_is_held_out_too():
    clips = [clip(n) for n in range(10)]
    frozen = choose_eval_set(clips, spec(at_least=2))
    copy = clip(99, "b", sha256=frozen.clips[0].sha256)
    assert split_by(frozen, [*clips, copy])[-1].split == "eval"


def test_written_and_read(tmp_path: Path):
    assert read_eval_set(tmp_path / "eval_set.json") is None
    chosen = choose_eval_set([clip(n, "őz") for n in range(20)], spec(at_least=4))
    write_eval_set(tmp_path / "eval_set.json", chosen)
    assert read_eval_set(tmp_path / "eval_set.json") == chosen


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"seed": 1, "fraction": 0.1, "at_least": 1, "clips": [{}]}',
        '{"seed": 1, "fraction": 0.1, "at_least": 1, "clips": [{"id": "a", "dataset": "b", "sha256": "ABCD"}]}',
    ],
)
def test_a_damaged_choice_is_named_and_not_made_again(tmp_path: Path, content: str):
    (tmp_path / "eval_set.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"eval_set\.json.*damaged"):
        read_eval_set(tmp_path / "eval_set.json")


def test_declared_sets_are_held_out_whole_and_nothing_else():
    clips = [clip(number, "train") for number in range(20)] + [clip(number, "eval") for number in range(3)]
    copy = clip(99, "train", sha256=clips[-1].sha256)
    chosen = choose_eval_set([*clips, copy], EvalSetSpec(at_least=10), held_out={"eval"})
    assert {(found.dataset, found.id) for found in chosen.clips} == {
        ("eval", "c0"),
        ("eval", "c1"),
        ("eval", "c2"),
        ("train", "c99"),
    }
