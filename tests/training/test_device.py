"""Device and precision, as this machine has them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from xtts_finetune.errors import UserError
from xtts_finetune.spec.phase import Precision
from xtts_finetune.training.device import check_compile, pick_device, pick_precision


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_said_with_the_cure() -> None:
    assert pick_device("auto") == "cpu"
    with pytest.raises(UserError, match="--device cpu"):
        pick_device("cuda")


@pytest.mark.parametrize("wanted", ["fp16", "tf32"])
def test_what_the_cpu_lacks_is_said_with_what_it_has(wanted: Precision) -> None:
    with pytest.raises(UserError, match=f"'{wanted}' needs a GPU; use 'auto'"):
        pick_precision(wanted, "cpu")


@pytest.mark.parametrize("wanted", ["fp32", "bf16"])
def test_what_the_cpu_has_is_taken(wanted: Precision) -> None:
    assert pick_precision(wanted, "cpu") == wanted


@pytest.mark.parametrize(
    "capabilities, expected",
    [({"avx2": True}, "fp32"), ({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({}, "fp32")],
)
def test_auto_takes_bf16_where_the_cpu_has_units_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert pick_precision("auto", "cpu") == expected


@pytest.mark.parametrize(
    "capability, expected",
    [((6, 1), "fp32"), ((7, 5), "fp16"), ((8, 0), "bf16"), ((8, 6), "bf16"), ((9, 0), "bf16")],
)
def test_auto_takes_the_fastest_that_the_gpu_has(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert pick_precision("auto", "cuda") == expected
    if capability < (8, 0):
        with pytest.raises(UserError, match="this GPU has no 'bf16'"):
            pick_precision("bf16", "cuda")


def test_a_compiler_that_is_not_there_is_said_before_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_compiler(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], None]:
        def run(values: torch.Tensor) -> None:
            raise RuntimeError("\nNo working C++ compiler found\nin this traceback")

        return run

    monkeypatch.setattr(torch, "compile", without_compiler)
    with pytest.raises(UserError, match=r"does not work here \(No working C\+\+ compiler found\); it needs"):
        check_compile("cpu")
