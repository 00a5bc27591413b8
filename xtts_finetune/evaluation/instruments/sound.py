"""A sound as the instruments take it.

What instruments share that want a package which need not be installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from xtts_finetune.evaluation.instruments.frames import Frames, Wave, frames_of


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


@dataclass(frozen=True)
class Sound:
    """`wave` float32 (samples,), mono, at `sample_rate` Hz, and the file that it is from."""

    file: Path
    wave: Wave
    sample_rate: int

    @classmethod
    def of(cls, file: Path) -> Sound:
        """The sound of `file` at its own rate; channels are averaged. Raises OSError or ValueError."""
        import soundfile  # noqa: PLC0415  heavy

        try:
            samples, rate = soundfile.read(str(file), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise OSError(str(error)) from None
        wave = np.ascontiguousarray(samples.mean(axis=1), dtype=np.float32)
        if not np.isfinite(wave).all():
            raise ValueError(f"{file} holds samples that are not numbers")
        return cls(file, wave, int(rate))

    @cached_property
    def frames(self) -> Frames:
        """Its frames of 10 ms, worked out once."""
        return frames_of(self.wave, self.sample_rate)

    @property
    def seconds(self) -> float:
        """Its whole length."""
        return len(self.wave) / self.sample_rate
