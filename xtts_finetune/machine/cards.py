"""NVIDIA's cards as the driver tells of them, without torch: which there are, which one to use, what torch lacks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from xtts_finetune.machine.packages import installed_version, pip_install

MIB = 1 << 20
SECONDS = 5.0
VISIBLE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"
NONE = "-1"  # an empty value would remove the variable on Windows

# A driver older than that of CUDA 11.6 knows nothing of compute_cap, and answers no question that names it.
_ASKED = ("index", "uuid", "memory.total", "memory.free", "driver_version", "compute_cap", "name")
_OLDER = tuple(field for field in _ASKED if field != "compute_cap")

# The oldest driver for any release of a CUDA, by its first number: https://docs.nvidia.com/deploy/cuda-compatibility
OLDEST_DRIVER: Mapping[int, int] = {11: 450, 12: 525, 13: 580}
# CUDA 13 compiles for nothing older than Turing.
OLDEST_CARD: Mapping[int, tuple[int, int]] = {13: (7, 5)}

CUDA_BUILD = "install torch's CUDA build of the same version: https://pytorch.org/get-started/locally/"


@dataclass(frozen=True)
class Gpu:
    """A card with its memory in bytes; `driver` is its version, `capability` None where the driver does not tell."""

    name: str
    total: int
    free: int
    driver: str = ""
    capability: tuple[int, int] | None = None
    index: int = 0
    uuid: str = ""


def find_gpu(device: str = "auto") -> Gpu | None:
    """The card that `device` names among those that are visible: the first one for 'auto' and 'cuda'.

    None for 'cpu', where there is no such card, and where no driver answers.
    """
    if device == "cpu":
        return None
    gpus, number = visible_gpus(), number_of(device) or 0
    return gpus[number] if number < len(gpus) else None


def visible_gpus(environment: Mapping[str, str] = os.environ) -> list[Gpu]:
    """The cards that torch would see, in its order once `keep_to` was called."""
    for fields in (_ASKED, _OLDER):
        query = ("nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits")
        try:
            said = subprocess.run(query, capture_output=True, text=True, check=True, timeout=SECONDS).stdout
        except subprocess.CalledProcessError:
            continue
        except (OSError, subprocess.SubprocessError, ValueError):
            return []
        return chosen(gpus_of(said, fields), environment.get(VISIBLE))
    return []


def gpus_of(said: str, fields: Sequence[str] = _ASKED) -> list[Gpu]:
    """The cards in what nvidia-smi printed; a line that is no card's is passed over."""
    gpus = []
    for line in said.splitlines():
        parts = dict(zip(fields, (part.strip() for part in line.split(",", len(fields) - 1)), strict=False))
        numbers = [parts.get(name, "") for name in ("index", "memory.total", "memory.free")]
        if not all(number.isdigit() for number in numbers) or "name" not in parts:
            continue
        index, total, free = map(int, numbers)
        capability = re.fullmatch(r"(\d+)\.(\d+)", parts.get("compute_cap", ""))
        gpus.append(
            Gpu(
                parts["name"],
                total * MIB,
                free * MIB,
                parts["driver_version"],
                (int(capability[1]), int(capability[2])) if capability else None,
                index,
                parts["uuid"],
            )
        )
    return gpus


def chosen(gpus: Sequence[Gpu], visible: str | None) -> list[Gpu]:
    """Those of the cards that CUDA_VISIBLE_DEVICES lets through, in its order; None lets all through.

    As CUDA reads it: numbers or the beginnings of UUIDs, and nothing after the first that names no card. A slice of a
    card (MIG-...) counts as the first card, as the driver does not tell here whose it is.
    """
    if visible is None:
        return list(gpus)
    found: list[Gpu] = []
    for name in (each.strip() for each in visible.split(",")):
        if name.startswith("MIG-"):
            found += gpus[:1]
            continue
        named = [gpu for gpu in gpus if name and (str(gpu.index) == name or gpu.uuid.startswith(name))]
        if not named:
            break
        found += named[:1]
    return found


def number_of(device: str) -> int | None:
    """1 of 'cuda:1'; None where no card is named."""
    _, colon, number = device.partition(":")
    return int(number) if colon else None


def keep_to(device: str, environment: MutableMapping[str, str] = os.environ) -> None:
    """Let this process, which uses one card, see no other than `device` names. Call it before torch looks for cards.

    Cards are counted as nvidia-smi counts them: torch alone would begin with the fastest.
    """
    environment.setdefault(ORDER, "PCI_BUS_ID")
    if device == "cpu":
        environment[VISIBLE] = NONE
        return
    visible, number = environment.get(VISIBLE), number_of(device)
    if visible or number is not None:
        environment[VISIBLE] = nth(number or 0, visible)


def nth(number: int, visible: str | None) -> str:
    """The one card with that number among the visible ones, as CUDA_VISIBLE_DEVICES names it; NONE for none."""
    if visible is None:
        return str(number)
    names = [name.strip() for name in visible.split(",")]
    return names[number] or NONE if number < len(names) else NONE


@dataclass(frozen=True)
class TorchBuild:
    """What the installed torch was built for: `cuda` is a version such as '13.0', None for none; `hip`: AMD's."""

    cuda: str | None
    hip: bool = False

    @property
    def for_gpus(self) -> bool:
        """False for the ordinary torch on Windows, with which a run would take days without a word."""
        return self.cuda is not None or self.hip


def torch_build() -> TorchBuild | None:
    """The installed torch's, told without importing it; None where that cannot be told."""
    try:
        found = find_spec("torch")
        if found is None or found.origin is None:
            return None
        return build_of(Path(found.origin).with_name("version.py").read_text(encoding="utf-8"))
    except (OSError, ValueError, ImportError):
        return None


def build_of(version: str) -> TorchBuild | None:
    """What torch/version.py says of that; None where it names neither CUDA nor HIP."""
    said = dict(re.findall(r"^(cuda|hip)\b[^=]*=\s*(\S+)", version, re.MULTILINE))
    if not said:
        return None
    cuda = said.get("cuda", "None").strip("'\"")
    return TorchBuild(None if cuda == "None" else cuda, said.get("hip", "None") != "None")


TORCH_INDEX = "https://download.pytorch.org/whl/"
"""Where torch's builds for each CUDA are, in folders such as cu126."""
NEWEST_CUDA = "cu130"
"""Of the build that is on PyPI for Linux; there is none with CUDA for Windows."""
BLACKWELL = (10, 0)


def cuda_for(capability: tuple[int, int] | None, driver: str) -> str:
    """The CUDA whose build of torch runs with this driver and has code for the card: 'cu130', 'cu128' or 'cu126'.

    CUDA 13 wants a driver from 580 on and has nothing for cards before Turing, 12.6 nothing for those after Hopper.
    """
    number = driver.partition(".")[0]
    new_driver = number.isdigit() and int(number) >= OLDEST_DRIVER[13]
    if new_driver and (capability is None or capability >= OLDEST_CARD[13]):
        return NEWEST_CUDA
    return "cu128" if capability is not None and capability >= BLACKWELL else "cu126"


def index_for(gpu: Gpu | None, on_windows: bool) -> str | None:
    """The index with the build of torch that this card wants; None without a card, and where PyPI's will do."""
    if gpu is None:
        return None
    cuda = cuda_for(gpu.capability, gpu.driver)
    return None if cuda == NEWEST_CUDA and not on_windows else TORCH_INDEX + cuda


def other_build(capability: tuple[int, int] | None, driver: str = "") -> str:
    """What installs torch's build for this card and an older driver; on Windows, too, it is one with CUDA."""
    versions = {name: (installed_version(name) or "").partition("+")[0] for name in ("torch", "torchaudio")}
    cuda = cuda_for(capability, driver)
    wanted = [f"{name}=={version}+{cuda}" for name, version in versions.items()]
    return pip_install(wanted, "--index-url", TORCH_INDEX + cuda)


@dataclass(frozen=True)
class Problem:
    """Why torch cannot use a card that is there, and what helps."""

    what: str
    cure: str

    def __str__(self) -> str:
        return f"{self.what}; {self.cure}"


def problem_of(gpu: Gpu, build: TorchBuild | None) -> Problem | None:
    """What torch lacks for this card, as far as it is known without torch."""
    if build is None:
        return None
    if not build.for_gpus:
        cure = f"install its build for this card: {other_build(gpu.capability, gpu.driver)}"
        return Problem("torch was built without CUDA", cure)
    cuda = int(build.cuda.partition(".")[0]) if build.cuda and build.cuda[0].isdigit() else 0
    oldest, driver = OLDEST_DRIVER.get(cuda), gpu.driver.partition(".")[0]
    if oldest is not None and driver.isdigit() and int(driver) < oldest:
        cure = f"update NVIDIA's driver, or take torch's build for older ones: {other_build(gpu.capability)}"
        return Problem(f"driver {gpu.driver} is too old for torch's CUDA {build.cuda}, which needs {oldest}", cure)
    if gpu.capability is not None and gpu.capability < OLDEST_CARD.get(cuda, (0, 0)):
        return no_kernels(gpu.name, gpu.capability, f"CUDA {build.cuda}")
    return None


def no_kernels(name: str, capability: tuple[int, int], build: str) -> Problem:
    """The problem of a card that torch's `build` was not compiled for."""
    what = f"torch's build for {build} has no code for {name} (compute capability {capability[0]}.{capability[1]})"
    return Problem(what, f"take the one for older cards: {other_build(capability)}")


def has_code_for(capability: tuple[int, int], built: Sequence[str]) -> bool:
    """Whether a build with 'sm_86' or 'compute_90' in its list runs on a card of this capability.

    Machine code runs on cards of the same first number and as new or newer, PTX ('compute_') on all newer ones. A list
    that is empty, or of another maker's names, forbids nothing.
    """
    codes = [re.fullmatch(r"(sm|compute)_(\d+)(\d)([a-z]?)", each) for each in built]
    known = [(code[1], (int(code[2]), int(code[3]))) for code in codes if code and not (code[1] == "sm" and code[4])]
    if not known:
        return True
    return any(of <= capability and (kind == "compute" or of[0] == capability[0]) for kind, of in known)


def spills() -> bool:
    """Whether the driver moves to the computer's memory what a card has no room for: on Windows, also under WSL."""
    return sys.platform == "win32" or (sys.platform == "linux" and "microsoft" in os.uname().release.lower())
