"""The models and packages that some instruments need, loaded once; and why one is not there."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from xtts_finetune.data.hearing.ears import Ears

Model = TypeVar("Model")
Answer = TypeVar("Answer")


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


class Panel:
    """Lends models to instruments; several threads may ask at once.

    ears      who reads the samples
    missing   why an instrument has no model, by the instrument's name
    """

    def __init__(self, ears: Ears | None = None) -> None:
        self.ears = ears or Ears()
        self.missing: dict[str, str] = {}
        self._models: dict[tuple[str, str], Any] = {}
        self._locks: dict[str, RLock] = {}

    def model(self, name: str, load: Callable[[], Model], part: str = "") -> Model | None:
        """What `load` returned the first time; None if it raised NotMeasured, which `missing` then explains.

        name, part   the instrument's name, and which of its models, where it has several
        """
        with self._locks.setdefault(name, RLock()):
            if (name, part) not in self._models:
                self._models[name, part] = self._attempt(name, load)
            model: Model | None = self._models[name, part]
            return model

    def ask(
        self, name: str, load: Callable[[], Model], question: Callable[[Model], Answer], part: str = ""
    ) -> Answer | None:
        """The model's answer, of one take at a time; a model that raises NotMeasured is not asked again."""
        with self._locks.setdefault(name, RLock()):
            model = self.model(name, load, part)
            answer = None if model is None else self._attempt(name, lambda: question(model))
            if answer is None:
                self._models[name, part] = None
            return answer

    def _attempt(self, name: str, make: Callable[[], Answer]) -> Answer | None:
        try:
            return make()
        except NotMeasured as error:
            self.missing[name] = str(error)
            return None
