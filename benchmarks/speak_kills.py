"""`speak` killed at random moments and given again: the same files, byte for byte, as of a run that nobody disturbed.

    python -m benchmarks.speak_kills run/demo/shipped/demo --to FOLDER [--lines 60] [--kills 10] [--tries 3]
                                                           [--format mp3] [--joining]

What the command does runs in a process that is forked from one in which everything is imported already, so that kills
hit the speaking and the writing and not the start. SIGKILL, which leaves no chance, comes at a random moment of the
time that a whole run takes, or of its share `--within`; where all was done before, it begins anew. With `--joining` all
takes are there before each beginning, so that kills hit the making of the files. At last one runs to its end, every
file but the lock is compared, and each sound file is decoded by another program than wrote it: FFmpeg, by PyAV.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch

from benchmarks.demo_texts import ordinary, short
from xtts_finetune.evaluation import checking, tails  # imported ahead, for the forks
from xtts_finetune.speaking.assembling import Form
from xtts_finetune.speaking.script import read_script
from xtts_finetune.speaking.speak import RECORD, Wanted, speak_script
from xtts_finetune.speaking.speaking_models import shipped_model
from xtts_finetune.training import device
from xtts_finetune.xtts.speech import speech, verification

AHEAD = (checking, tails, device, speech, verification)

SEED = 22


@dataclass(frozen=True)
class Speaking:
    """One command: a script into a folder."""

    model: Path
    script: Path
    form: Form
    tries: int

    def start(self, to: Path) -> int:
        """The id of a process that does it."""
        process = os.fork()
        if process:
            return process
        try:
            read = read_script(self.script, "en")
            wanted = Wanted(to, self.script.stem, self.form, tries=self.tries)
            speak_script(shipped_model(self.model), read, wanted, lambda line: None)
            os._exit(0)
        finally:
            os._exit(1)

    def to_its_end(self, to: Path) -> None:
        _, status = os.waitpid(self.start(to), 0)
        assert status == 0, f"{to}: {status}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a shipped folder")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="texts of one to three words, which are spoken sooner")
    parser.add_argument("--within", type=float, default=1.0, help="of a whole run's time, when a kill comes at last")
    parser.add_argument("--joining", action="store_true", help="takes are there; kills come while files are made")
    parser.add_argument("--format", default="mp3")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.to.mkdir(parents=True, exist_ok=True)
    script = given.to / "script.txt"
    script.write_text("\n".join((short if given.short else ordinary)(given.lines, SEED)) + "\n", encoding="utf-8")
    speaking = Speaking(given.model, script, Form(f".{given.format}"), given.tries)
    undisturbed, disturbed = given.to / f"undisturbed-{given.format}", given.to / f"disturbed-{given.format}"
    shutil.rmtree(undisturbed, ignore_errors=True)
    begun = time.perf_counter()
    speaking.to_its_end(undisturbed)
    whole = time.perf_counter() - begun
    print(f"undisturbed: {whole:.0f} s", flush=True)
    begin(disturbed, undisturbed if given.joining else None)
    if given.joining:
        begun = time.perf_counter()
        speaking.to_its_end(disturbed)
        whole = time.perf_counter() - begun
        print(f"joining alone: {whole:.1f} s", flush=True)
        begin(disturbed, undisturbed)
    chance, killed = random.Random(given.seed), 0
    while killed < given.kills:
        if killed_in(speaking.start(disturbed), chance.uniform(0.0, whole * given.within)):
            killed += 1
            takes, files = (len(list(disturbed.glob(each))) for each in ("takes/*.flac", f"*.{given.format}"))
            batch = (disturbed / "takes" / "batch.json").exists()
            print(f"kill {killed}: {takes} takes, batch open: {batch}, {files} files", flush=True)
        else:
            print("it had come to its end: begun anew", flush=True)
            begin(disturbed, undisturbed if given.joining else None)
    speaking.to_its_end(disturbed)
    one, other = hashes(undisturbed), hashes(disturbed)
    apart = [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
    print(f"{len(one)} files, {len(apart)} differ {apart[:5]}")
    seconds = [decoded(path) for path in sorted(disturbed.glob(f"*.{given.format}"))]
    print(f"FFmpeg (PyAV {av.__version__}) decodes {len(seconds)} files, {sum(seconds):.1f} s")


def begin(disturbed: Path, whole: Path | None) -> None:
    """Nothing is there; or, of a `whole` run, its takes and the record of one that has written no file yet."""
    shutil.rmtree(disturbed, ignore_errors=True)
    if whole is not None:
        shutil.copytree(whole / "takes", disturbed / "takes")
        record = json.loads((whole / RECORD).read_text(encoding="utf-8"))
        (disturbed / RECORD).write_text(json.dumps({**record, "files": []}), encoding="utf-8")


def killed_in(process: int, seconds: float) -> bool:
    """Whether it was there to be killed after so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitpid(process, os.WNOHANG)[0]:
            return False
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return True


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
