"""The command that installs packages into the Python that is running, whatever folder it is pasted in."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires

OURS = "xtts-finetune"
_PLAIN_ON_WINDOWS = re.compile(r"[\w.:\\/-]+")


def pip_install(requirements: Sequence[str], *options: str) -> str:
    """`pip install` with the running Python, each word quoted where the shell needs it."""
    return shell_line([sys.executable or "python", "-m", "pip", "install", *options, *requirements])


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
            extras = f"[{','.join(sorted(each.extras))}]" if each.extras else ""
            found.append(f"{each.name}{extras}{each.specifier}")
    return found


def shell_line(words: Sequence[str]) -> str:
    """The words as one line of a shell; '<' and '>' of a version are no redirections in it."""
    return _windows_line(words) if sys.platform == "win32" else shlex.join(words)


def _windows_line(words: Sequence[str]) -> str:
    """For cmd: it takes '<' and '>' as they are between double quotes alone."""
    return " ".join(word if _PLAIN_ON_WINDOWS.fullmatch(word) else f'"{word}"' for word in words)
