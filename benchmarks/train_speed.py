"""Training speed against the stock recipe, in one run: the same clips, base and device.

    python -m benchmarks.train_speed [--size demo mid full] [--seeds 1 2 3] [--batch 3] [--work FOLDER] [--json FILE]

stock     unmodified GPTTrainer under the stock Trainer, with its own data loader and the recipe's settings. Two things
          are put in its place because it could not run otherwise: the reading of a file (soundfile instead of FFmpeg),
          and the demo's slim DVAE for its own, whose size stock's code does not know. Before mid's bytes are counted,
          stock gets the DVAE back that it makes itself and that all bases but the demo's have: at this size a slim one
          would stand in every checkpoint that stock writes, and in none of a real recipe.
ours      this package as it comes: the defaults of a phase.
parity    this package in float32, without buckets, one device thread as stock has: what remains is the same arithmetic.

Every run is a process of its own, the sides take turns, and all train on the same prepared clips at one learning
rate. After the steps that are compared, ours go on for some more, in turn with bare ones: forward, backward and
optimizer step of the GPT on the same batches, already on the device. That is the bare limit.

Sizes: demo (the embedded base and voice), mid (12 layers x 768, random weights) and full (30 x 1024, random weights,
for a GPU). Clips of the sizes with random weights are the demo's, joined to 3 to 10 seconds. On two CPU cores demo
takes about 7 minutes and mid 25. Nothing else should run meanwhile. A run that was interrupted goes on when it is
started with the same --work.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.train_speed_table import table

STEPS = {"demo": 90, "mid": 8, "full": 40}
WARM_UP = {
    "demo": 20,
    "mid": 3,
    "full": 10,
}  # steps that do not count: of the demo an epoch, which meets every size
BESIDE_BARE = {"demo": 100, "mid": 20, "full": 40}  # further steps of ours, in turn with bare ones
BLOCK = 5  # so many in turn; parity, which is slow, goes on for one block alone
SIDES = ("stock", "ours", "parity")
ROOT = Path(__file__).parents[1]


def main() -> None:
    options = _options()
    work = options.work or Path(tempfile.mkdtemp(prefix="train_speed_"))
    report: dict[str, Any] = {"machine": _machine(), "results": []}
    for size in options.size:
        _run("prepare", {"folder": str(work / size), "size": size})
        for batch in options.batch:
            runs: dict[str, list[dict[str, Any]]] = {side: [] for side in options.sides}
            for seed in options.seeds:
                for side in options.sides:
                    runs[side] += _side(side, work / size, size, seed, batch, options.steps or STEPS[size])
            ended = {side: found for side, found in runs.items() if found}
            report["results"].append({"size": size, "batch": batch, "runs": ended})
            if ended:
                print(table(report["results"][-1]), flush=True)
            # After each table, so that what was measured stays when a later size ends in a fault.
            text = json.dumps(report, indent=2)
            (options.json or work / "train_speed.json").write_text(text, encoding="utf-8")


def _side(side: str, folder: Path, size: str, seed: int, batch: int, steps: int) -> list[dict[str, Any]]:
    """The figures of one run; none when it did not end, as a batch that does not fit."""
    out = folder / f"{side}_{batch}_{seed}_{steps}"
    if not (out / "result.json").is_file():
        job = {"folder": str(folder), "out": str(out), "seed": seed, "batch": batch, "steps": steps}
        job |= {"warm_up": WARM_UP[size], "parity": side == "parity", "started": time.time()}
        job |= {"own_dvae": size == "mid", "block": BLOCK}
        job["beside_bare"] = BESIDE_BARE[size] if side == "ours" else BLOCK
        try:
            _run("stock" if side == "stock" else "ours", job)
        except ChildProcessError as error:
            print(f"{side:7} seed {seed} batch {batch}: {error}", flush=True)
            return []
        for model in out.rglob("*.pth"):  # counted already, and three seeds of a full size would fill the disk
            model.unlink()
    found: dict[str, Any] = json.loads((out / "result.json").read_text(encoding="utf-8"))
    speed, mel_ce = found["clips_a_second"], found["mel_ce"]
    print(f"{side:7} seed {seed} batch {batch}: {speed:.2f} clips/s, mel_ce {mel_ce:.4f}", flush=True)
    return [found]


def _run(what: str, job: dict[str, Any]) -> None:
    """Run one side in a process of its own, with as many threads as the machine gives.

    Raises ChildProcessError with the end of what it said when it fails.
    """
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", f"benchmarks.train_speed_{what}", json.dumps(job)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        raise ChildProcessError(f"{what} ended with exit code {done.returncode}:\n{done.stderr[-2000:]}")


def _machine() -> dict[str, Any]:
    import torch  # noqa: PLC0415

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    return {
        "cpu": torch.cpu.get_capabilities().get("cpu_name"),
        "cores": os.cpu_count(),
        "gpu": gpu,
        **versions,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", nargs="+", choices=STEPS, default=["demo", "mid"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--batch", nargs="+", type=int, default=[3], help="clips a batch; several give several tables")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), help="which to run")
    parser.add_argument("--steps", type=int, help="optimizer steps of a run")
    parser.add_argument("--work", type=Path, help="where to work; left out, a temporary folder that stays")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
