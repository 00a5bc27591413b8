"""Heavy packages: imported sooner than by `import` alone, and the command that installs those that are missing."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packaging.requirements import Requirement

OURS = "xtts-finetune"
# The project's own folder, where the package runs from one.
FOLDER = Path(__file__).resolve().parents[1]
_PLAIN_ON_WINDOWS = re.compile(r"[\w.:\\/-]+")


def pip_install(requirements: Sequence[str], *options: str) -> str:
    """`pip install` with the running Python, each word quoted where the shell needs it."""
    return shell_line([sys.executable or "python", "-m", "pip", "install", *options, *requirements])


def install_extra(extra: str, otherwise: str) -> str:
    """What installs an extra of ours; `otherwise` is what pip is given where the installed package has no such one."""
    return pip_install(requirements_of_extra(extra) or [otherwise], *_tested_versions())


def install_again(requirements: Iterable[Requirement]) -> str:
    """What installs the package again from the project's folder; these requirements alone where there is no folder."""
    if (FOLDER / "pyproject.toml").is_file():
        return pip_install(["-e", str(FOLDER)], *_tested_versions())
    return pip_install([as_pip_takes(each) for each in requirements] or [OURS])


def as_pip_takes(requirement: Requirement) -> str:
    """A requirement without its marker: 'fugashi[unidic-lite]>=1.5'."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _tested_versions() -> tuple[str, ...]:
    file = FOLDER / "constraints.txt"
    return ("-c", str(file)) if file.is_file() else ()


@cache
def installed_version(package: str) -> str | None:
    """The version of a package, which is not imported; None if it is not installed. A plan asks for it many times."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def requirements_of_extra(extra: str) -> list[str]:
    """What the installed package asks for with an extra of its own, as pip takes it; [] where it has no such extra."""
    from packaging.requirements import Requirement  # noqa: PLC0415  asked for where something is missing

    try:
        declared = requires(OURS) or []
    except PackageNotFoundError:  # run from a folder, without being installed
        return []
    found = []
    for each in map(Requirement, declared):
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            continue
        if each.marker.evaluate({"extra": extra}):
            found.append(as_pip_takes(each))
    return found


def shell_line(words: Sequence[str]) -> str:
    """The words as one line of a shell; '<' and '>' of a version are no redirections in it."""
    return _windows_line(words) if sys.platform == "win32" else shlex.join(words)


def _windows_line(words: Sequence[str]) -> str:
    """For cmd: it takes '<' and '>' as they are between double quotes alone."""
    return " ".join(word if _PLAIN_ON_WINDOWS.fullmatch(word) else f'"{word}"' for word in words)


# Those of its modules that are compiled when they are imported.
COMPILED = ("librosa.util.utils", "librosa.core.audio", "librosa.core.pitch")
LOCK = "xtts-finetune.lock"


@cache
def librosa_loaded() -> Any:
    """The package, imported on the first call, which takes half a minute on a new machine.

    numba keeps on disk what it compiles. Where two processes compile for the first time, and at the same time, they
    may keep parts that do not fit each other, and from then on every process that uses them dies of a segmentation
    fault (numba's issue 10128, open as of 0.68). So the package is loaded here and nowhere else.
    """
    import librosa  # noqa: PLC0415  heavy

    with alone(Path(librosa.__file__).parent / "__pycache__"), without_collecting():
        for module in COMPILED:
            import_module(module)
    return librosa


def alone(machine_code: Path) -> AbstractContextManager[object]:
    """Waits until no other process is in here. Where no lock can be had, goes on without one.

    numba writes to `machine_code`, or to a folder of the user where that one is read-only.
    """
    from filelock import FileLock  # noqa: PLC0415  the launchers ask about cards before anything is installed

    user = os.environ.get("USER", os.environ.get("USERNAME", ""))
    for place in (machine_code / LOCK, Path(tempfile.gettempdir()) / f"{user}-{LOCK}"):
        with suppress(OSError, NotImplementedError):
            return FileLock(place).acquire()
    return nullcontext()


@contextmanager
def without_collecting() -> Iterator[None]:
    """Collect no garbage while modules are imported, and leave what they made alone for good.

    torch, transformers and Coqui's package make a million objects, all of which stay: the collector would go through
    them again and again while they are imported, and with every full collection afterwards.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


@contextmanager
def distributions_read_once() -> Iterator[None]:
    """Whoever asks within here which installed package brings which module gets one answer, read once.

    Coqui's package and transformers ask three times while they are imported, and each time the lists of files of
    every installed package are read.
    """
    asked = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = cache(asked)
    try:
        yield
    finally:
        importlib.metadata.packages_distributions = asked
