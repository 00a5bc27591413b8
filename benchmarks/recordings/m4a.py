"""`python -m benchmarks.recordings.m4a made.wav made.m4a`: as a phone keeps it (AAC, 160 kbit/s)."""

from __future__ import annotations

import sys
from pathlib import Path

import av


def encode(source: Path, to: Path, bits: int = 160_000) -> None:
    with av.open(str(source)) as given, av.open(str(to), "w") as out:
        stream = out.add_stream("aac", rate=given.streams.audio[0].rate)
        stream.bit_rate = bits
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=given.streams.audio[0].rate)
        for frame in given.decode(audio=0):
            for part in resampler.resample(frame):
                out.mux(stream.encode(part))
        out.mux(stream.encode(None))


if __name__ == "__main__":
    encode(Path(sys.argv[1]), Path(sys.argv[2]))
