"""Several channels to one: their mean, or the louder one where they cancel each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]  # (samples, channels)
Mono = NDArray[np.float32]  # (samples,)

# Channels whose mean is this much quieter than the louder of them cancel each other: 20 dB.
CANCELLED = 0.1


def mixed(samples: Samples) -> Mono:
    """Mean of the channels of (samples, channels), added in order so that every machine rounds alike."""
    total = np.zeros(len(samples), dtype=np.float64)
    for channel in samples.T:
        total += channel
    mono: Mono = (total / samples.shape[1]).astype(np.float32)
    return mono


def channel_to_take(samples: Samples) -> int | None:
    """The louder channel where the channels cancel each other, None where their mean is the sound."""
    if samples.shape[1] < 2 or not len(samples):
        return None
    powers = [float(np.mean(np.square(channel, dtype=np.float64))) for channel in samples.T]
    together = float(np.mean(np.square(mixed(samples), dtype=np.float64)))
    return int(np.argmax(powers)) if together < CANCELLED**2 * max(powers) else None


def to_mono(samples: Samples, channel: int | None) -> Mono:
    """(samples, channels) to (samples,): that channel, or the mean of all."""
    if channel is None or channel >= samples.shape[1]:
        return mixed(samples)
    return np.ascontiguousarray(samples[:, channel])
