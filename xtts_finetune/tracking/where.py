"""Which tracking server a declaration means: its paths are relative to its file, as everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Where:
    """A tracking server as MLflow names it.

    artifacts  where files go; None: where the server puts them
    folder     of a file store; None for a server or a database
    """

    uri: str
    experiment: str
    artifacts: str | None = None
    folder: Path | None = None


def where(declared: str, experiment: str, folder: Path) -> Where:
    """The server that `declared` means in a declaration that stands in `folder`.

    A folder becomes a file store; of a SQLite file the files of runs go into a folder beside it, which MLflow
    would otherwise make in whatever folder the command was typed.
    """
    if declared.startswith(SQLITE):
        file = (folder / declared.removeprefix(SQLITE)).absolute()
        beside = file.with_name(f"{file.stem}-files")
        return Where(f"{SQLITE}{file.as_posix()}", experiment, beside.as_uri())
    if "://" in declared:
        return Where(declared, experiment)
    store = (folder / declared).absolute()
    return Where(store.as_uri(), experiment, folder=store)
