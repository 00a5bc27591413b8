"""Kills one of two processes of a phase at random moments, and holds what comes of it to an untouched run.

    python -m benchmarks.rank_kills [--times N] [--work FOLDER] [--seed N]

A phase of 20 steps on the demo's voice, two processes on the CPU, a checkpoint every 4 steps. Each of the N runs (20)
loses a random rank by SIGKILL after a random step. It has to end with the untouched run's records and weights to the
bit. Last, one rank is stopped (SIGSTOP), as if it hung, and the seconds are counted until that is noticed.

Takes about half a minute a run on two cores.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console

from testbed.killing import PHASE, make_project, phase_folder
from testbed.soak import differences
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.run import run_plan
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.spec.declaration import load_declaration

ROOT = Path(__file__).resolve().parents[1]
SILENT_SECONDS = 5
DECLARED = f"""
learning_rate: 3.0e-4
schedule: {{kind: cosine, warmup_steps: 4}}
batch_size: 4
steps: 20
eval_every_steps: 5
checkpoint_every: {{steps: 4}}
keep: {{best: 2, checkpoints: 2}}
precision: fp32
devices: 2
silent_seconds: {SILENT_SECONDS}
"""


def main() -> None:
    options = _options()
    if options.train is not None:
        train(options.train)
        return
    work = options.work or Path(tempfile.mkdtemp(prefix="rank_kills_"))
    chance = random.Random(options.seed)
    prepared = make_project(work / "prepared", phase=DECLARED)
    untouched = _fresh(prepared, work / "untouched")
    began = time.monotonic()
    assert _start(untouched).wait() == 0, "the untouched run failed"
    print(f"untouched: {time.monotonic() - began:.0f} s", flush=True)
    same = 0
    for number in range(1, options.times + 1):
        life = _fresh(prepared, work / f"life{number}")
        found = _killed(life, untouched, chance)
        same += not found
        if not found:
            shutil.rmtree(life)
    print(f"{same} of {options.times} runs that lost a rank ended with the untouched run's records and weights")
    print(_stopped(_fresh(prepared, work / "stopped"), untouched))


def train(folder: Path) -> None:
    """Train the project's phase and nothing else."""
    run_plan(Work(load_declaration(folder / "pipeline.yaml"), (), "cpu", Console(), "again"), kinds=("phase",))


def _killed(life: Path, untouched: Path, chance: random.Random) -> list[str]:
    """Kill a random rank after a random step; in words, what is not as in the untouched run."""
    process = _start(life)
    step, wait = chance.randrange(0, 20), chance.uniform(0, 0.3)
    ranks = _when_at(life, process, step)
    time.sleep(wait)
    lost = chance.choice(ranks)
    lost.kill()
    began = time.monotonic()
    code = process.wait()
    found = [f"exit code {code}"] if code else differences(untouched, life)
    what = "the same" if not found else "; ".join(found)
    print(
        f"{life.name}: process {lost.pid} killed {wait:.2f} s after step {step}; "
        f"done {time.monotonic() - began:.0f} s later: {what}",
        flush=True,
    )
    return found


def _stopped(life: Path, untouched: Path) -> str:
    """Stop a rank and wait until another one says that it gives no sign."""
    process = _start(life)
    stopped = _when_at(life, process, 6)[1]
    stopped.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    log = life / "run" / "soak" / "logs" / f"{PHASE}.log"
    while "gave no sign" not in log.read_text(encoding="utf-8", errors="replace"):
        if process.poll() is not None or time.monotonic() - began > 120:
            stopped.kill()
            return "stopped: nobody noticed"
        time.sleep(0.05)
    seconds = time.monotonic() - began
    code = process.wait()
    found = [f"exit code {code}"] if code else differences(untouched, life)
    return (
        f"stopped (SIGSTOP): noticed after {seconds:.1f} s (declared: {SILENT_SECONDS}); "
        f"then {'the same' if not found else '; '.join(found)}"
    )


def _start(folder: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
    }
    with (folder / "printed.txt").open("wb") as printed:
        command = [sys.executable, "-m", "benchmarks.rank_kills", "--train", str(folder)]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=printed, stderr=printed)


def _when_at(folder: Path, process: subprocess.Popen[bytes], step: int) -> list[psutil.Process]:
    """The ranks of a run, by their numbers, once its records have reached a step."""
    metrics = phase_folder(folder).metrics
    while process.poll() is None:
        steps, evals = (read_metrics(metrics).steps, read_metrics(metrics).evals) if metrics.is_file() else ([], [])
        if (steps and steps[-1].step >= step) or (step == 0 and evals):
            ranks = [
                child
                for child in psutil.Process(process.pid).children(recursive=True)
                if "xtts_finetune.pipeline.phase.child" in child.cmdline()
            ]
            if len(ranks) == 2:
                return sorted(ranks, key=lambda rank: int(rank.environ()["RANK"]))
        time.sleep(0.02)
    raise SystemExit(f"{folder}: it ended before step {step}: see printed.txt there")


def _fresh(prepared: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(prepared, folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, help="where to work; left out, a temporary folder that stays")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
