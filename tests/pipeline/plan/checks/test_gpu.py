"""Whether torch was built for GPUs, told without importing it."""

from __future__ import annotations

import pytest

from xtts_finetune.pipeline.plan.checks.check import Verdict
from xtts_finetune.pipeline.plan.checks.machine import Gpu, built_for_gpus, check_device, torch_is_for_gpus

OK, WARNING, ERROR = Verdict.OK, Verdict.WARNING, Verdict.ERROR
CARD = Gpu("NVIDIA GeForce RTX 3060", 12288 << 20, 11000 << 20)


@pytest.mark.parametrize(
    ("wanted", "small", "verdict", "said"),
    [
        ("auto", False, WARNING, "RTX 3060, but torch was built without CUDA"),
        ("auto", True, OK, "the CPU"),  # nobody needs a GPU for the demo
        ("cuda", False, ERROR, "without CUDA"),
        ("cpu", True, OK, "the CPU"),
    ],
)
def test_device_of_a_torch_for_the_cpu_alone(wanted: str, small: bool, verdict: Verdict, said: str) -> None:
    check = check_device(wanted, CARD, small, torch_build=False)
    assert check.verdict is verdict
    assert said in check.found


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("__version__ = '2.11.0+cpu'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n", False),
        ("__version__ = '2.11.0+cu130'\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n", True),
        ("cuda = None\nhip = '7.0'\n", True),
        ("something else", None),
    ],
)
def test_what_torch_was_built_for(version: str, answer: bool | None) -> None:
    assert built_for_gpus(version) is answer


def test_what_the_torch_here_was_built_for() -> None:
    import torch

    assert torch_is_for_gpus() is bool(torch.version.cuda or torch.version.hip)
