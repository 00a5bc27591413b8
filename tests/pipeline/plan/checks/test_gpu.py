"""What is said before a run of a card that torch cannot use, and of devices that are not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from xtts_finetune.machine.cards import Gpu, TorchBuild
from xtts_finetune.pipeline.plan.checks import machine
from xtts_finetune.pipeline.plan.checks.check import Verdict
from xtts_finetune.pipeline.plan.checks.machine import check_device, torch_check

OK, WARNING, ERROR = Verdict.OK, Verdict.WARNING, Verdict.ERROR
CARD = Gpu("NVIDIA GeForce RTX 3060", 12288 << 20, 11000 << 20, "580.65", (8, 6))
BEHIND = Gpu("NVIDIA GeForce RTX 3060", 12288 << 20, 11000 << 20, "535.183", (8, 6))
CPU_ONLY, CUDA_13 = TorchBuild(None), TorchBuild("13.0")


@pytest.mark.parametrize(
    ("wanted", "gpu", "build", "small", "verdict", "said"),
    [
        ("auto", CARD, None, False, OK, "RTX 3060"),
        ("auto", CARD, CUDA_13, False, OK, "RTX 3060"),
        ("cuda", CARD, CUDA_13, False, OK, "RTX 3060"),
        ("cuda", None, None, False, WARNING, "nvidia-smi names no GPU"),
        ("cuda:1", None, None, True, WARNING, "nvidia-smi names no GPU"),
        ("auto", None, None, False, WARNING, "20 seconds"),
        ("auto", None, None, True, OK, "the CPU"),
        ("cpu", CARD, CUDA_13, False, WARNING, "20 seconds"),
        ("cpu", None, None, True, OK, "the CPU"),
        # A card that is there and cannot be used ends a run of days before it begins; the demo does without.
        ("auto", CARD, CPU_ONLY, False, ERROR, "RTX 3060, but torch was built without CUDA"),
        ("auto", CARD, CPU_ONLY, True, WARNING, "the CPU: there is NVIDIA GeForce RTX 3060, but torch was built"),
        ("cuda", CARD, CPU_ONLY, False, ERROR, "without CUDA"),
        ("cuda", None, CPU_ONLY, False, ERROR, "without CUDA"),
        ("auto", BEHIND, CUDA_13, False, ERROR, "driver 535.183 is too old"),
        ("auto", BEHIND, CUDA_13, True, WARNING, "driver 535.183 is too old"),
        ("cuda:1", BEHIND, CUDA_13, True, ERROR, "driver 535.183 is too old"),
        ("cpu", BEHIND, CUDA_13, True, OK, "the CPU"),
    ],
)
def test_device(
    wanted: str, gpu: Gpu | None, build: TorchBuild | None, small: bool, verdict: Verdict, said: str
) -> None:
    check = check_device(wanted, gpu, small, build)
    assert check.verdict is verdict
    assert said in check.found
    assert check.verdict is OK or check.cure


def test_a_card_that_is_not_there_is_told_from_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "visible_gpus", lambda: [CARD, CARD])
    check = check_device("cuda:2", None, False, CUDA_13)
    assert check.verdict is ERROR
    assert "there are 2 GPUs, from cuda:0 on" in check.found


NEW = {"cuda": True, "built_for": "13.0", "archs": ["sm_75", "sm_80", "sm_86"], "capability": [8, 6], "bf16": True}


@pytest.mark.parametrize(
    ("wanted", "gpu", "answer", "verdict", "said"),
    [
        ("auto", CARD, NEW, OK, "CUDA 13.0, bf16"),
        ("auto", CARD, {**NEW, "capability": [7, 5], "bf16": False}, OK, "CUDA 13.0"),
        ("auto", CARD, {**NEW, "capability": [6, 1]}, ERROR, "no code for NVIDIA GeForce RTX 3060"),
        ("cpu", CARD, {**NEW, "capability": [6, 1]}, OK, "no code"),
        ("auto", CARD, {"cuda": False, "built_for": None}, ERROR, "built without CUDA"),
        ("auto", BEHIND, {"cuda": False, "built_for": "13.0"}, ERROR, "too old"),
        ("auto", CARD, {"cuda": False, "built_for": "13.0", "why": "CUDA unknown error"}, ERROR, "CUDA unknown error"),
        ("cuda", None, {"cuda": False, "built_for": None}, ERROR, "built without CUDA"),
        ("cpu", CARD, {"cuda": False, "built_for": None}, OK, "sees no GPU"),
        ("auto", None, {"cuda": False, "built_for": None}, OK, "sees no GPU"),
    ],
)
def test_torch(wanted: str, gpu: Gpu | None, answer: Mapping[str, Any], verdict: Verdict, said: str) -> None:
    check = torch_check(wanted, gpu, answer)
    assert check.verdict is verdict
    assert said in check.found
