"""What instruments share that want a package which need not be installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


class NotMeasured(Exception):
    """An instrument that cannot be read here; the message says why and what to do."""


def installed_file(package: str, name: str, install: str) -> Path:
    """A file that an installed package brings, found without importing the package.

    install   the command that installs it, for the message

    Raises NotMeasured if the package or the file is not there.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (file := Path(folder) / name).is_file():
            return file
    missing = f"has no {name}" if spec else "is not installed"
    raise NotMeasured(f"{package} {missing}: {install}")
