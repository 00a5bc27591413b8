"""Device and precision, as this machine has them."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch

from xtts_finetune.errors import UserError
from xtts_finetune.machine import cards
from xtts_finetune.machine.cards import Gpu, TorchBuild
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


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    """A card that the driver names and that torch does not see."""
    gpu = Gpu("RTX 3060", 12 << 30, 11 << 30, "535.183", (8, 6))
    monkeypatch.setattr(cards, "find_gpu", lambda: gpu)
    monkeypatch.setattr(cards, "torch_build", lambda: TorchBuild("13.0"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return gpu


@pytest.mark.parametrize("wanted", ["auto", "cuda", "cuda:0"])
def test_a_card_that_torch_cannot_use_is_no_reason_to_train_for_days(card: Gpu, wanted: str) -> None:
    with pytest.raises(UserError, match=r"driver 535.183 is too old for torch's CUDA 13.0.*update NVIDIA's driver"):
        pick_device(wanted)
    assert pick_device("cpu") == "cpu"


def test_who_can_do_with_the_cpu_is_told_why(card: Gpu) -> None:
    told: list[str] = []
    assert pick_device("auto", told.append) == "cpu"
    assert len(told) == 1
    assert "there is RTX 3060, but driver 535.183 is too old" in told[0]


def test_torchs_own_reason_is_handed_on(card: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable() -> bool:
        warnings.warn("CUDA initialization: unknown\n  error", UserWarning, stacklevel=1)
        return False

    monkeypatch.setattr(cards, "torch_build", lambda: TorchBuild("12.6"))
    monkeypatch.setattr(torch.cuda, "is_available", unavailable)
    with pytest.raises(UserError, match=r"RTX 3060, but torch cannot use it \(CUDA initialization: unknown error\)"):
        pick_device("auto")


def test_a_card_that_torch_has_no_code_for_is_said_before_its_first_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (6, 1))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "GTX 1080 Ti")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_80"])
    with pytest.raises(UserError, match=r"no code for GTX 1080 Ti \(compute capability 6.1\); take the one for older"):
        pick_device("auto")


@pytest.mark.parametrize(("free", "share"), [(11e9, 10.7e9 / 12e9), (0.1e9, 0.3e9 / 12e9)])
def test_where_the_driver_spills_memory_runs_out_before(
    monkeypatch: pytest.MonkeyPatch, free: float, share: float
) -> None:
    kept: list[float] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 6))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_86"])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, 12e9))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", kept.append)
    for spills in (False, True):
        monkeypatch.setattr(cards, "spills", lambda spills=spills: spills)
        assert pick_device("auto") == "cuda"
    assert kept == [pytest.approx(share)]
