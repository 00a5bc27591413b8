"""A step on a card that computes nothing: one device, nothing read, 16 bit where it is declared, no more than before.

Of speaking each step is here, not the one look after it, whether a row has ended: a card without values cannot say so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.child import ROOT
from tests.training.pretended_card import SETTINGS
from xtts_finetune.xtts.base import BaseFiles

# What a step launches on the card with the tiny base: (all, of them casts to another precision, products in 16 bit).
# Who needs more says why, and writes it here.
MOST: dict[str, tuple[int, int, int]] = {
    "bf16": (7840, 279, 98),
    "fp32": (6925, 10, 0),
    "checkpointing": (8322, 309, 106),
    "adapters": (3354, 217, 89),
    "all losses": (8161, 282, 98),
    "held to its start": (9170, 413, 131),
    "moments in bf16": (8024, 459, 98),
    "two micro-batches": (14_400, 558, 196),
}
LIKE_BF16 = MOST["bf16"]
# A code of two rows of different length with the tiny base, and each further row's own chance.
MOST_OF_A_CODE, A_ROW_MORE = 345, 2


@pytest.fixture(scope="module")
def seen(tiny_base: BaseFiles) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.training.pretended_card", str(tiny_base.folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def counts(step: dict[str, Any]) -> tuple[int, int, int]:
    return step["launches"], step["casts"], step["in_16_bit"]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_step_is_all_on_the_card_and_reads_nothing(setting: str, seen: dict[str, Any]) -> None:
    steps = seen[setting]
    assert isinstance(steps, list), steps
    assert [step["copied_back"] for step in steps] == [{}] * len(steps)
    launches, casts, in_16_bit = counts(steps[-1])
    most = MOST[setting]
    assert launches <= most[0]
    assert casts <= most[1]
    assert in_16_bit >= most[2]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_step_launches_and_keeps_what_the_one_before_did(setting: str, seen: dict[str, Any]) -> None:
    _, second, third = seen[setting]
    assert third == second


def test_both_vocoders_are_all_on_the_card(seen: dict[str, Any]) -> None:
    assert set(seen["vocoders"]) == {"hifigan", "preview"}
    for watched in seen["vocoders"].values():
        assert watched["launches"] > 0
        assert watched["copied_back"] == {}


def test_a_code_is_all_on_the_card_reads_nothing_and_launches_what_the_one_before_did(seen: dict[str, Any]) -> None:
    for steps in seen["speaking"].values():
        assert [step["copied_back"] for step in steps] == [{}] * len(steps)
        _, second, third = steps
        assert third == second
    two, four = (seen["speaking"][rows][-1]["launches"] for rows in ("2", "4"))
    assert two <= MOST_OF_A_CODE
    assert four - two <= 2 * A_ROW_MORE, "more rows at once cost hardly more launches"


# Faults that were put in: each of them is seen by what the tests above look at.
def test_a_tensor_left_on_the_cpu_is_seen(seen: dict[str, Any]) -> None:
    assert "found two different devices card:0, cpu" in seen["on_the_cpu"]


def test_a_value_that_is_read_in_the_step_is_seen(seen: dict[str, Any]) -> None:
    assert "a value is read" in seen["read_in_the_step"]


def test_a_missing_autocast_is_seen(seen: dict[str, Any]) -> None:
    assert counts(seen["without_autocast"][-1])[2] == 0 < LIKE_BF16[2]


def test_a_double_conversion_is_seen(seen: dict[str, Any]) -> None:
    launches, casts, _ = counts(seen["converted_twice"][-1])
    assert casts > LIKE_BF16[1]
    assert launches > LIKE_BF16[0]


def test_a_cache_that_grows_is_seen(seen: dict[str, Any]) -> None:
    _, second, third = seen["a_cache_that_grows"]
    assert third["living"] == second["living"] + 1
