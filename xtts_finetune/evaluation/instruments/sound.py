"""A sound as the instruments take it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from xtts_finetune.evaluation.instruments.frames import Frames, Wave, frames_of


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
