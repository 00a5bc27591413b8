"""`speak` killed at random moments and given again: the same files, byte for byte, as of a run that nobody disturbed.

    python -m benchmarks.speak_kills run/demo/shipped/demo --to FOLDER [--lines 60] [--kills 10] [--format mp3]

SIGKILL, which leaves no chance, to all processes of the command, at a random moment within the time that a start and a
batch take. Then the command runs to its end, and every file but the lock is compared. At last each sound file is
decoded by another program than wrote it: FFmpeg, by PyAV.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np

from benchmarks.demo_texts import ordinary

SEED = 22


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a shipped folder")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--format", default="mp3")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    script = given.to / "script.txt"
    script.write_text("\n".join(ordinary(given.lines, SEED)) + "\n", encoding="utf-8")
    undisturbed, disturbed = given.to / f"undisturbed-{given.format}", given.to / f"disturbed-{given.format}"
    begun = time.perf_counter()
    if not (undisturbed / f"script.{given.format}").exists():
        subprocess.run(command(script, undisturbed, given.model, given.format), check=True, capture_output=True)
    whole = time.perf_counter() - begun
    print(f"undisturbed: {whole:.0f} s", flush=True)
    shutil.rmtree(disturbed, ignore_errors=True)
    chance, killed = random.Random(given.seed), 0
    while killed < given.kills:
        wait = chance.uniform(2.0, max(whole, 60.0) / 2)
        process = subprocess.Popen(
            command(script, disturbed, given.model, given.format),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(wait)
            print(f"it ended before {wait:.0f} s", flush=True)
            shutil.rmtree(disturbed)  # so that there is something to be killed at
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
            takes = len(list(disturbed.glob("takes/*.json"))) if disturbed.exists() else 0
            print(f"kill {killed} after {wait:.1f} s, {takes} records of takes and batches", flush=True)
    subprocess.run(command(script, disturbed, given.model, given.format), check=True, capture_output=True)
    one, other = hashes(undisturbed), hashes(disturbed)
    apart = [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
    print(f"{len(one)} files, {len(apart)} differ {apart[:5]}")
    seconds = [decoded(path) for path in sorted(disturbed.glob(f"*.{given.format}"))]
    print(f"FFmpeg (PyAV {av.__version__}) decodes {len(seconds)} files, {sum(seconds):.1f} s")


def command(script: Path, to: Path, model: Path, format: str) -> list[str]:
    words = ["speak", str(script), "--to", str(to), "--model", str(model), "--format", format]
    return [sys.executable, "-m", "xtts_finetune.cli.main", *words]


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def decoded(path: Path) -> float:
    """Seconds of sound; it must have some."""
    with av.open(str(path)) as opened:
        frames = list(opened.decode(audio=0))
    assert max(float(np.abs(frame.to_ndarray()).max()) for frame in frames) > 0.01, path
    return float(sum(frame.samples / frame.sample_rate for frame in frames))


if __name__ == "__main__":
    main()
