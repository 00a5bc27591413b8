"""The graphics card, Python and the libraries: what is there, beside what this package says it needs."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from xtts_finetune.look.quantities import readable_size
from xtts_finetune.machine.cards import (
    CUDA_BUILD,
    Gpu,
    Problem,
    TorchBuild,
    has_code_for,
    no_kernels,
    other_build,
    problem_of,
    visible_gpus,
)
from xtts_finetune.machine.packages import OURS, install_again
from xtts_finetune.pipeline.children.python import code_arguments
from xtts_finetune.pipeline.plan.checks.check import Check, error, ok, warning
from xtts_finetune.records.values import parse_object


def check_versions() -> list[Check]:
    """One check for Python and one for the libraries."""
    try:
        wanted = metadata.metadata(OURS)["Requires-Python"] or ""
        requirements = [Requirement(line) for line in metadata.requires(OURS) or []]
    except metadata.PackageNotFoundError:
        return [error("installation", f"{OURS} is not installed in this Python", _again([]))]
    return [python_check(platform.python_version(), wanted), libraries_check(requirements)]


def python_check(version: str, wanted: str) -> Check:
    """Check that this Python is one that the package says it works with."""
    if SpecifierSet(wanted).contains(version, prereleases=True):
        return ok("python", version)
    cure = f"make an environment with a Python {wanted}; the versions of the libraries were tested with 3.11"
    return error("python", f"{version}, but {wanted} is needed", cure)


def libraries_check(requirements: list[Requirement]) -> Check:
    """Check that every library that is needed is there in a version that was meant."""
    missing: list[Requirement] = []
    others: dict[str, Requirement] = {}
    found = []
    for requirement in requirements:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            missing.append(requirement)
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            others[f"{requirement.name} {version} ({requirement.specifier} is meant)"] = requirement
        if requirement.name in ("torch", "coqui-tts", "coqui-tts-trainer"):
            found.append(f"{requirement.name} {version}")
    if missing:
        names = ", ".join(requirement.name for requirement in missing)
        return error("libraries", f"not installed: {names}", _again([*missing, *others.values()]))
    if others:
        words = f"other versions than meant: {', '.join(others)}"
        return warning("libraries", words, _again(list(others.values())))
    return ok("libraries", ", ".join(sorted(found)))


def _again(requirements: list[Requirement]) -> str:
    return f"install it again with the tested versions: {install_again(requirements)}"


NAME = "device"
TORCH_SECONDS = 120.0
TORCH_SAYS = (
    "import json, torch, warnings\n"
    "with warnings.catch_warnings(record=True) as said:\n"
    "    warnings.simplefilter('always')\n"
    "    there = torch.cuda.is_available()\n"
    "print(json.dumps({'cuda': there, 'built_for': torch.version.cuda, 'archs': torch.cuda.get_arch_list(),\n"
    "    'capability': torch.cuda.get_device_capability() if there else None,\n"
    "    'bf16': there and torch.cuda.is_bf16_supported(including_emulation=False),\n"
    "    'why': ' '.join(str(each.message) for each in said[:1])}))"
)


def check_count(phase: str, devices: int, gpus: int) -> Check | None:
    """Check that there are as many cards as a phase asks for; None where it trains on the CPU."""
    if not gpus or devices <= gpus:
        return None
    there = "there is 1 GPU" if gpus == 1 else f"there are {gpus} GPUs"
    return error(f"{phase}.devices", f"{devices} are asked for, but {there}", f"give --devices {gpus}")


def check_device(wanted: str, gpu: Gpu | None, small: bool, build: TorchBuild | None = None) -> Check:
    """Check that there is a GPU where one is needed; a `small` base trains on a CPU as well.

    A card that torch cannot use is an error, as a training on the CPU takes days; `build` is torch's, None where nobody
    knows.
    """
    if wanted == "cpu":
        return ok(NAME, "the CPU") if small else warning(NAME, *SLOW)
    problem = None if gpu is None else problem_of(gpu, build)
    if gpu is not None and problem is None:
        return ok(NAME, f"{gpu.name}, {readable_size(gpu.free)} of {readable_size(gpu.total)} free")
    if wanted != "auto":
        return _no_gpu(wanted, gpu, problem, build)
    if gpu is not None and problem is not None:
        found = f"there is {gpu.name}, but {problem.what}"
        if small:
            return warning(NAME, f"the CPU: {found}", problem.cure)
        return error(NAME, found, f"{problem.cure}; or --device cpu, which takes days")
    return ok(NAME, "the CPU") if small else warning(NAME, *SLOW)


SLOW = "the CPU: a step of XTTS v2 takes about 20 seconds", "a run of days; use an NVIDIA GPU"


def _no_gpu(wanted: str, gpu: Gpu | None, problem: Problem | None, build: TorchBuild | None) -> Check:
    asked = f"your config says '{wanted}', but "
    if problem is not None and gpu is not None:
        return error(NAME, f"{asked}{problem.what} ({gpu.name})", problem.cure)
    if build is not None and not build.for_gpus:
        return error(NAME, f"{asked}torch was built without CUDA", CUDA_BUILD)
    if gpus := len(visible_gpus()):
        there = "there is 1 GPU, cuda:0" if gpus == 1 else f"there are {gpus} GPUs, from cuda:0 on"
        return error(NAME, f"{asked}{there}", "name one that is there, or say auto")
    cure = "install NVIDIA's driver, or say --device cpu"
    return warning(NAME, f"{asked}nvidia-smi names no GPU", cure)


def check_torch(wanted: str, gpu: Gpu | None) -> Check:
    """What torch sees, asked in a process of its own, as importing it takes seconds."""
    name = "torch"
    try:
        said = subprocess.run(
            [sys.executable, *code_arguments(TORCH_SAYS)],
            capture_output=True,
            text=True,
            check=True,
            timeout=TORCH_SECONDS,
        ).stdout
        answer = parse_object(said.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as fault:
        lines = str(getattr(fault, "stderr", "") or fault).strip().splitlines()
        return error(name, f"cannot be imported ({lines[-1] if lines else 'no reason given'})", "install it again")
    return torch_check(wanted, gpu, answer)


def torch_check(wanted: str, gpu: Gpu | None, answer: Mapping[str, Any]) -> Check:
    """The check for torch's answer."""
    name = "torch"
    built_for, capability = answer.get("built_for"), answer.get("capability")
    if answer.get("cuda"):
        there = tuple(capability) if capability else (99, 0)
        if has_code_for(there, answer.get("archs") or ()):
            return ok(name, f"sees the GPU; CUDA {built_for}" + (", bf16" if answer.get("bf16") else ""))
        problem = no_kernels(gpu.name if gpu else "the GPU", there, f"CUDA {built_for}")
        return ok(name, problem.what) if wanted == "cpu" else error(name, problem.what, problem.cure)
    if gpu is None or wanted == "cpu":
        if wanted.startswith("cuda"):
            why = "; it was built without CUDA" if not built_for else ""
            return error(name, f"sees no GPU{why}", CUDA_BUILD)
        return ok(name, "can be imported; it sees no GPU")
    known = problem_of(gpu, TorchBuild(built_for))
    if known is not None:
        return error(name, f"cannot use {gpu.name}: {known.what}", known.cure)
    why = answer.get("why") or "it gives no reason"
    cure = f"update NVIDIA's driver, or take torch's build for older ones: {other_build(gpu.capability)}"
    return error(name, f"cannot use {gpu.name}: {why}", cure)
