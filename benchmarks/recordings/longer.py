"""`python -m benchmarks.recordings.longer MADE TO --minutes 120`: a made recording over and over, to measure memory."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import soundfile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("made", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--minutes", type=float, default=120)
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    left = int(given.minutes * 60 * 44_100)
    with (
        soundfile.SoundFile(given.made / "made.wav") as source,
        soundfile.SoundFile(given.to / "made.wav", "w", source.samplerate, source.channels, source.subtype) as out,
    ):
        while left > 0:
            block = source.read(min(left, 4_410_000), dtype="int16")
            if not len(block):
                source.seek(0)
            out.write(block)
            left -= len(block)
    truth = {"seconds": given.minutes * 60, "sentences": [], "events": []}
    (given.to / "truth.json").write_text(json.dumps(truth), encoding="utf-8")


if __name__ == "__main__":
    main()
