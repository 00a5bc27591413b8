"""Python and the libraries, against what this package says it needs."""

from __future__ import annotations

import platform
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from xtts_finetune.pipeline.plan.checks.check import Check, error, ok, warning

PACKAGE = "xtts-finetune"
INSTALL = "install it again with the tested versions: python -m pip install -c constraints.txt -e ."


def check_versions() -> list[Check]:
    """One check for Python and one for the libraries."""
    try:
        wanted = metadata.metadata(PACKAGE)["Requires-Python"] or ""
        requirements = [Requirement(line) for line in metadata.requires(PACKAGE) or []]
    except metadata.PackageNotFoundError:
        return [error("installation", f"{PACKAGE} is not installed in this Python", INSTALL)]
    return [python_check(platform.python_version(), wanted), libraries_check(requirements)]


def python_check(version: str, wanted: str) -> Check:
    """Whether this Python is one that the package says it works with."""
    if SpecifierSet(wanted).contains(version, prereleases=True):
        return ok("python", version)
    cure = f"make an environment with a Python {wanted}; the versions of the libraries were tested with 3.11"
    return error("python", f"{version}, but {wanted} is needed", cure)


def libraries_check(requirements: list[Requirement]) -> Check:
    """Whether every library that is needed is there in a version that was meant."""
    missing, others, found = [], [], []
    for requirement in requirements:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            missing.append(requirement.name)
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            others.append(f"{requirement.name} {version} ({requirement.specifier} is meant)")
        if requirement.name in ("torch", "coqui-tts", "coqui-tts-trainer"):
            found.append(f"{requirement.name} {version}")
    if missing:
        return error("libraries", f"not installed: {', '.join(missing)}", INSTALL)
    if others:
        return warning("libraries", f"other versions than meant: {', '.join(others)}", INSTALL)
    return ok("libraries", ", ".join(sorted(found)))
