"""Why a phase on several devices is not left to the stock Trainer: two processes of it, beside two of ours.

    python -m benchmarks.stock_ranks [--steps 4] [--work FOLDER] [--json FILE]

Unmodified GPTTrainer under the stock Trainer with `use_accelerate`, in two CPU processes that torchrun starts (gloo,
one thread each), on the demo's base and voice with the recipe's settings:

as it is   does not start: Trainer asks the wrapper that accelerate puts around the model for what only the model has.
mended     `_get_model` looks inside the wrapper, and the wrapper has the `optimize` that Trainer asks it for; nothing
           else is changed. Then `train_step` goes past the wrapper's forward, so that no gradient is ever exchanged.
           With the one seed that a configuration has, both ranks draw the same clips and the same dropout: they agree,
           and the second one adds nothing.
own seeds  mended, and each rank draws clips and dropout of its own, which is what several devices are for: the weights
           drift apart, in silence.
ours       `run_pipeline phase1 --devices 2` on the same clips: one hash of the weights on both at each checkpoint.

On two CPU cores it takes about two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAME = "ranks have the same weights"
STOCK = {  # name: (trainer, seeds)
    "stock as it is": ("stock", "declared"),
    "stock, mended": ("mended", "declared"),
    "stock, own seeds": ("mended", "own"),
}


def main() -> None:
    options = _options()
    work = options.work or Path(tempfile.mkdtemp(prefix="stock_ranks_"))
    prepare = json.dumps({"folder": str(work / "demo"), "size": "demo"})
    _run([sys.executable, "-m", "benchmarks.train_speed_prepare", prepare])
    report = {}
    for name, (trainer, seeds) in STOCK.items():
        report[name] = _stock(work, name, {"trainer": trainer, "seeds": seeds, "steps": options.steps})
        print(f"{name:26}{_line(report[name])}", flush=True)
    report["ours"] = _ours(work, options.steps)
    print(f"{'ours':26}{report['ours']['said']}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2), encoding="utf-8")


def _stock(work: Path, name: str, job: dict[str, Any]) -> dict[str, Any]:
    """Figures of two processes; what the first of them said last where they did not start."""
    out = work / name.replace(", ", "_").replace(" ", "_")
    out.mkdir(parents=True, exist_ok=True)
    job |= {"folder": str(work / "demo"), "out": str(out)}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    try:
        _run([*launch, "-m", "benchmarks.stock_ranks_child", json.dumps(job)])
    except ChildProcessError as error:
        said = [line for line in str(error).splitlines() if "Error: " in line]
        return {"fault": said[0].split("]: ")[-1] if said else str(error)}
    found: dict[str, Any] = json.loads((out / "result.json").read_text(encoding="utf-8"))
    return found


def _ours(work: Path, steps: int) -> dict[str, Any]:
    """What a phase of ours says of its ranks' weights at its last checkpoint; it fails where they differ."""
    settings = [f"steps={steps}", f"eval_every_steps={steps}", "batch_size=6", "seed=1"]
    command = [sys.executable, "-m", "xtts_finetune.cli.run_pipeline", "phase1", "--fresh", "--device", "cpu"]
    command += ["--file", str(work / "demo" / "pipeline.yaml"), "--devices", "2", "--set=vocoder=preview"]
    try:
        _run([*command, *(f"--set=phase1.{setting}" for setting in settings)])
    except ChildProcessError as error:
        return {"said": f"failed: {error}"}
    log = work / "demo" / "run" / "speed" / "phase1" / "trainer_0_log.txt"
    said = [line for line in log.read_text(encoding="utf-8").splitlines() if SAME in line]
    return {"said": f"after {steps} steps {said[-1].strip(' >')}" if said else "nothing was said of the weights"}


def _line(found: dict[str, Any]) -> str:
    if "fault" in found:
        return f"does not start: {found['fault']}"
    steps = len(found["apart"])
    return (
        f"largest difference of a weight after {steps} steps {found['apart'][-1]:.1e}; "
        f"the same clips on both ranks in {found['steps_of_the_same_clips']} of {steps}"
    )


def _run(command: list[str]) -> None:
    """Raises ChildProcessError with what it said when it fails."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "ACCELERATE_USE_CPU": "true",
    }
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        raise ChildProcessError(done.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--work", type=Path, help="where to work; left out, a temporary folder that stays")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
