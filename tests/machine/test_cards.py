"""Which cards there are, which one a process sees, and what torch lacks for one: all of it told without torch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xtts_finetune.machine.cards import (
    VISIBLE,
    Gpu,
    TorchBuild,
    build_of,
    chosen,
    cuda_for,
    find_gpu,
    gpus_of,
    has_code_for,
    index_for,
    keep_to,
    nth,
    problem_of,
    torch_build,
    visible_gpus,
)

SAID = """\
0, GPU-aaaa, 12288, 11000, 580.65, 8.6, NVIDIA GeForce RTX 3060
1, GPU-bbbb, 24576, 24000, 580.65, 8.9, A, B
"""
CARD, OTHER = gpus_of(SAID)


def test_what_the_driver_says() -> None:
    assert Gpu("NVIDIA GeForce RTX 3060", 12288 << 20, 11000 << 20, "580.65", (8, 6), 0, "GPU-aaaa") == CARD
    assert (OTHER.name, OTHER.index, OTHER.capability) == ("A, B", 1, (8, 9))


@pytest.mark.parametrize(
    "said",
    [
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n",
        "0, GPU-cccc, [N/A], [N/A], 580.65, 12.1, NVIDIA GB10\n",
        "",
        "0, GPU-dddd, 12288\n",
    ],
)
def test_what_is_no_card_is_passed_over(said: str) -> None:
    assert gpus_of(said) == []


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, ["0", "1"]),
        ("1", ["1"]),
        ("1,0", ["1", "0"]),
        ("GPU-bb", ["1"]),
        ("MIG-1234", ["0"]),
        ("0,-1,1", ["0"]),  # CUDA reads no further
        ("7", []),
        ("-1", []),
        ("", []),
    ],
)
def test_cards_are_chosen_as_cuda_chooses_them(visible: str | None, names: list[str]) -> None:
    assert [str(gpu.index) for gpu in chosen([CARD, OTHER], visible)] == names


@pytest.mark.parametrize(
    ("device", "visible", "sees"),
    [
        ("auto", None, None),
        ("cuda", None, None),
        ("auto", "0,1", "0"),  # two would end a phase
        ("auto", "", ""),
        ("cuda:1", None, "1"),
        ("cuda:1", "3, 5", "5"),
        ("cuda:2", "3,5", "-1"),
        ("cpu", None, "-1"),  # an empty value would remove the variable on Windows
        ("cpu", "0", "-1"),
    ],
)
def test_a_process_sees_the_card_that_it_is_to_use(device: str, visible: str | None, sees: str | None) -> None:
    environment = {} if visible is None else {VISIBLE: visible}
    keep_to(device, environment)
    assert environment.get(VISIBLE) == sees
    assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"  # as nvidia-smi counts


@pytest.mark.parametrize(
    ("rank", "visible", "own"), [(0, None, "0"), (2, None, "2"), (1, "3, 5", "5"), (2, "3,5", "-1"), (0, "", "-1")]
)
def test_a_rank_sees_one_gpu(rank: int, visible: str | None, own: str) -> None:
    assert nth(rank, visible) == own


@pytest.mark.parametrize(
    ("driver", "capability", "cuda", "said"),
    [
        ("580.65", (8, 6), "13.0", None),
        ("535.183", (8, 6), "13.0", "driver 535.183 is too old for torch's CUDA 13.0, which needs 580"),
        ("535.183", (8, 6), "12.6", None),
        ("510.10", (8, 6), "12.6", "too old"),
        ("580.65", (6, 1), "13.0", "no code for Card (compute capability 6.1)"),
        ("580.65", (6, 1), "12.6", None),
        ("580.65", None, "13.0", None),
        ("unknown", (8, 6), "13.0", None),
        ("580.65", (8, 6), None, "built without CUDA"),
    ],
)
def test_what_torch_lacks_for_a_card(
    driver: str, capability: tuple[int, int] | None, cuda: str | None, said: str | None
) -> None:
    problem = problem_of(Gpu("Card", 1, 1, driver, capability), TorchBuild(cuda))
    assert (problem is None) if said is None else (problem is not None and said in problem.what)
    assert problem is None or "torch" in problem.cure


@pytest.mark.parametrize(
    ("driver", "capability", "cuda"),
    [
        ("580.65", (8, 6), "cu130"),
        ("591.44", (12, 0), "cu130"),
        ("580.65", (6, 1), "cu126"),
        ("551.23", (8, 6), "cu126"),
        ("572.16", (12, 0), "cu128"),
        ("472.12", None, "cu126"),
        ("unknown", (7, 5), "cu126"),
        ("580.65", None, "cu130"),
    ],
)
def test_which_cuda_a_card_and_its_driver_want(driver: str, capability: tuple[int, int] | None, cuda: str) -> None:
    assert cuda_for(capability, driver) == cuda
    card = Gpu("Card", 1, 1, driver, capability)
    address = f"https://download.pytorch.org/whl/{cuda}"
    assert index_for(card, on_windows=True) == address, "what PyPI has for Windows knows no card"
    assert index_for(card, on_windows=False) == (None if cuda == "cu130" else address)
    assert index_for(None, on_windows=True) is None


@pytest.mark.parametrize(
    ("capability", "built", "runs"),
    [
        ((8, 6), ["sm_75", "sm_80", "sm_90"], True),
        ((8, 9), ["sm_75", "sm_86"], True),
        ((6, 1), ["sm_75", "sm_80"], False),
        ((12, 0), ["sm_90"], False),
        ((12, 0), ["sm_90", "compute_90"], True),
        ((12, 1), ["sm_120"], True),
        ((9, 0), ["sm_90a"], True),  # alone it forbids nothing: nothing else is known
        ((9, 0), ["gfx90a"], True),
        ((9, 0), [], True),
    ],
)
def test_code_runs_on_cards_of_its_kind(capability: tuple[int, int], built: list[str], runs: bool) -> None:
    assert has_code_for(capability, built) is runs


@pytest.mark.parametrize(
    ("version", "cuda", "for_gpus"),
    [
        ("__version__ = '2.11.0+cpu'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n", None, False),
        ("__version__ = '2.11.0+cu130'\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n", "13.0", True),
        ("cuda = None\nhip = '7.0'\n", None, True),
    ],
)
def test_what_torch_was_built_for(version: str, cuda: str | None, for_gpus: bool) -> None:
    build = build_of(version)
    assert build is not None
    assert (build.cuda, build.for_gpus) == (cuda, for_gpus)


def test_a_torch_that_does_not_say_what_it_was_built_for() -> None:
    assert build_of("something else") is None


def test_what_the_torch_here_was_built_for() -> None:
    import torch

    build = torch_build()
    assert build is not None
    assert build.cuda == torch.version.cuda


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for the driver's command")
def test_the_driver_is_asked_in_words_that_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    monkeypatch.delenv(VISIBLE, raising=False)
    older = (
        'case "$1" in *compute_cap*) echo "Field is not valid"; exit 2;; esac; echo "0, GPU-1, 8192, 8000, 470.1, Old"'
    )
    for script, names in ((f"echo '{SAID}'", ["NVIDIA GeForce RTX 3060", "A, B"]), (older, ["Old"]), ("exit 9", [])):
        command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        command.chmod(0o755)
        assert [gpu.name for gpu in visible_gpus()] == names
        assert [gpu.name for gpu in (find_gpu(), find_gpu("cuda:1")) if gpu] == names
        assert find_gpu("cpu") is None
