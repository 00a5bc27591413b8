"""The graphics card, Python and the libraries: what is there, beside what this package says it needs."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from xtts_finetune.look.quantities import readable_size
from xtts_finetune.packages import OURS, install_again
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
MIB = 1 << 20
QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
SECONDS = 5.0
TORCH_SECONDS = 120.0
TORCH_SAYS = (
    "import json, torch; there = torch.cuda.is_available(); print(json.dumps({'cuda': there, "
    "'built_for': torch.version.cuda, 'bf16': there and torch.cuda.is_bf16_supported()}))"
)
CUDA_BUILD = "install torch's CUDA build of the same version: https://pytorch.org/get-started/locally/"


@dataclass(frozen=True)
class Gpu:
    """A card with its memory in bytes."""

    name: str
    total: int
    free: int


def find_gpu() -> Gpu | None:
    """The first NVIDIA card that the driver knows, None where there is none or no driver answers."""
    try:
        said = subprocess.run(QUERY, capture_output=True, text=True, check=True, timeout=SECONDS).stdout
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return gpu_of(said)


def count_gpus(visible: str | None) -> int:
    """How many NVIDIA cards torch would see; `visible` is what CUDA_VISIBLE_DEVICES says."""
    try:
        said = subprocess.run(QUERY, capture_output=True, text=True, check=True, timeout=SECONDS).stdout
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0
    there = sum(gpu_of(line) is not None for line in said.splitlines())
    named = None if visible is None else len([name for name in visible.split(",") if name.strip()])
    return there if named is None else min(there, named)


def check_count(phase: str, devices: int, gpus: int) -> Check | None:
    """Check that there are as many cards as a phase asks for; None where it trains on the CPU."""
    if not gpus or devices <= gpus:
        return None
    there = "there is 1 GPU" if gpus == 1 else f"there are {gpus} GPUs"
    return error(f"{phase}.devices", f"{devices} are asked for, but {there}", f"give --devices {gpus}")


def gpu_of(said: str) -> Gpu | None:
    """The first card in what nvidia-smi printed."""
    for line in said.splitlines():
        parts = [part.strip() for part in line.rsplit(",", 2)]
        if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
            return Gpu(parts[0], int(parts[1]) * MIB, int(parts[2]) * MIB)
    return None


def torch_is_for_gpus() -> bool | None:
    """True where the installed torch was built for GPUs, told without importing it; None where that cannot be told.

    On Windows the ordinary torch is not, and a run would take days without a word.
    """
    try:
        found = find_spec("torch")
        if found is None or found.origin is None:
            return None
        return built_for_gpus(Path(found.origin).with_name("version.py").read_text(encoding="utf-8"))
    except (OSError, ValueError, ImportError):
        return None


def built_for_gpus(version: str) -> bool | None:
    """What torch/version.py says of that: 'cuda' or 'hip' is set, both are None, or neither is named."""
    said = re.findall(r"^(?:cuda|hip)\b[^=]*=\s*(\S+)", version, re.MULTILINE)
    return any(value != "None" for value in said) if said else None


def check_device(wanted: str, gpu: Gpu | None, small: bool, torch_build: bool | None = None) -> Check:
    """Check that there is a GPU where one is needed; a `small` base trains on a CPU as well.

    `torch_build` says whether torch was built for GPUs, None where nobody knows.
    """
    if torch_build is False and wanted == "cuda":
        return error(NAME, "your config says 'cuda', but torch was built without CUDA", CUDA_BUILD)
    if torch_build is False and wanted != "cpu" and gpu is not None and not small:
        return warning(NAME, f"the CPU: there is {gpu.name}, but torch was built without CUDA", CUDA_BUILD)
    if torch_build is False:
        gpu = None
    if wanted != "cpu" and gpu is not None:
        return ok(NAME, f"{gpu.name}, {readable_size(gpu.free)} of {readable_size(gpu.total)} free")
    if wanted == "cuda":
        return warning(
            NAME,
            "your config says 'cuda', but nvidia-smi names no GPU",
            "install NVIDIA's driver, or say --device cpu",
        )
    if small:
        return ok(NAME, "the CPU")
    return warning(NAME, "the CPU: a step of XTTS v2 takes about 20 seconds", "a run of days; use an NVIDIA GPU")


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


def torch_check(wanted: str, gpu: Gpu | None, answer: dict[str, object]) -> Check:
    """The check for torch's answer."""
    name = "torch"
    if answer.get("cuda"):
        return ok(name, f"sees the GPU; CUDA {answer.get('built_for')}" + (", bf16" if answer.get("bf16") else ""))
    if wanted == "cuda" or (gpu is not None and wanted != "cpu"):
        built = "it was built without CUDA" if not answer.get("built_for") else "the driver may be too old for it"
        verdict = error if wanted == "cuda" else warning
        return verdict(name, f"sees no GPU: {built}", CUDA_BUILD)
    return ok(name, "can be imported; it sees no GPU")
