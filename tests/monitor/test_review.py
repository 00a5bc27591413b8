"""The review names values outside what is usual, and nothing about those that are shipped."""

from __future__ import annotations

from typing import Any

import pytest

from tests.monitor.made import DECLARATION
from xtts_finetune.monitor.review import review_of

DATA = {"clips": 311, "eval_clips": 31}
FULL = {"gpt_layers": 30, "gpt_n_model_channels": 1024}
TINY = {"gpt_layers": 6, "gpt_n_model_channels": 192, "gpt_number_text_tokens": 608}  # the demo's
SHIPPED = {"steps": 1600, "eval_every_steps": 100}


def keys(change: dict[str, Any], data: dict[str, Any] = DATA, model: dict[str, Any] = FULL) -> list[str]:
    return [one.key for one in review_of("phase1", {**DECLARATION, **SHIPPED, **change}, data, model)]


def test_the_shipped_phases_are_usual() -> None:
    assert keys({}) == []
    assert keys({"learning_rate": 1e-6, "steps": None, "epochs": 30}) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"learning_rate": 5e-4}, ["learning_rate"]),
        ({"learning_rate": 1e-5}, []),  # the level 'basic'
        ({"learning_rate": 3e-5}, ["learning_rate"]),
        ({"learning_rate": 1e-8}, ["learning_rate"]),
        ({"learning_rate": 1e-4, "train": {"lora": {"rank": 8}}}, []),
        ({"learning_rate": 1e-6, "train": {"lora": {"rank": 8}}}, ["learning_rate"]),
        ({"batch_size": 1}, ["batch_size x accumulate"]),
        ({"batch_size": 1, "accumulate": 4}, []),
        ({"batch_size": 128, "steps": 300, "eval_every_steps": 10}, ["batch_size x accumulate"]),
        ({"max_tokens": 2000, "batch_size": 1}, []),
        ({"steps": None, "epochs": 1, "eval_every_steps": 10}, ["epochs"]),
        ({"steps": None, "epochs": 100, "stop_when": []}, ["epochs", "stop_when"]),
        ({"steps": None, "epochs": 100}, []),
        ({"stop_when": [{"rule": "exploding"}]}, ["stop_when"]),
        ({"eval_every_steps": 800}, ["eval_every_steps"]),
        ({"gradient_clip": None}, ["gradient_clip"]),
        ({"gradient_clip": 0.01}, ["gradient_clip"]),
        ({"gradient_clip": 50.0}, ["gradient_clip"]),
        ({"mel_loss_weight": 35.0}, ["mel_loss_weight"]),
        ({"text_loss_weight": 0.0}, ["text_loss_weight"]),
        ({"text_loss_weight": 1.0}, ["text_loss_weight"]),
    ],
)
def test_unusual_values_are_named(change: dict[str, Any], found: list[str]) -> None:
    assert keys(change) == found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"clips": 65, "eval_clips": 4}, ["eval clips"]),
        ({"clips": 100, "eval_clips": 60}, ["training clips", "eval clips"]),
        ({"clips": 30, "eval_clips": 16}, ["batch_size x accumulate", "training clips", "epochs"]),
        ({"clips": 3000, "eval_clips": 20}, ["eval clips"]),
        ({}, []),
    ],
)
def test_the_data_is_looked_at_too(data: dict[str, Any], found: list[str]) -> None:
    assert set(found) - {"batch_size x accumulate", "epochs"} <= set(keys({}, data))
    if not found:
        assert keys({}, data) == []


def test_a_tiny_base_wants_other_rates() -> None:
    assert keys({"learning_rate": 3e-4}, model=TINY) == []
    assert keys({"learning_rate": 3e-4}, model=FULL) == ["learning_rate"]
    assert keys({"learning_rate": 1e-6}, model=TINY) == ["learning_rate"]


def test_records_of_any_shape_are_read() -> None:
    nonsense = dict.fromkeys(DECLARATION, "x")
    assert keys(nonsense, {"clips": None, "eval_clips": []}, {"gpt_layers": "30"}) == []
