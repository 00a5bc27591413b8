"""How loud a recording is at each moment: small enough to keep whole, however long the recording is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
STEP = 0.01
SILENT_DB = -100.0
_FRAME = int(RATE * STEP)
# A constant offset is no sound: what is slower than 13 Hz is taken out.
_OFFSET_FILTER = ([1.0, -1.0], [1.0, -0.995])


@dataclass(frozen=True)
class Envelope:
    """RMS of every 10 ms: `level_db` (frames,) float32 in dB of full scale, at least -100; `peak` 0 to 1."""

    level_db: NDArray[np.float32]
    peak: float
    step: float = STEP


@dataclass
class EnvelopeBuilder:
    """Takes a recording block by block; the blocks' length does not matter."""

    _levels: list[NDArray[np.float32]] = field(default_factory=list)
    _rest: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    _state: NDArray[np.float64] | None = None
    _peak: float = 0.0

    def add(self, block: NDArray[np.float32]) -> None:
        """The next (samples,) at 16 kHz, mono."""
        from scipy.signal import lfilter  # noqa: PLC0415  heavy

        if not len(block):
            return
        self._peak = max(self._peak, float(np.abs(block).max()))
        state = np.array([-float(block[0])]) if self._state is None else self._state
        filtered, self._state = lfilter(*_OFFSET_FILTER, block.astype(np.float64), zi=state)
        wave = np.concatenate([self._rest, filtered])
        whole = len(wave) // _FRAME * _FRAME
        self._levels.append(_levels(wave[:whole]))
        self._rest = wave[whole:]

    def done(self) -> Envelope:
        """Of all that was added; what is left at the end is a frame of its own."""
        last = [_levels(np.pad(self._rest, (0, _FRAME - len(self._rest))))] if len(self._rest) else []
        levels = [*self._levels, *last]
        return Envelope(np.concatenate(levels) if levels else np.empty(0, np.float32), self._peak)


def _levels(wave: NDArray[np.float64]) -> NDArray[np.float32]:
    power = np.mean(wave.reshape(-1, _FRAME) ** 2, axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (SILENT_DB / 10))), dtype=np.float32)
