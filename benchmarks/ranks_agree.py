"""One training, whatever trains it: 1, 2 and 4 processes on the CPU, and 2, then 1, then 4 over two interruptions.

    python -m benchmarks.ranks_agree [--steps 20] [--accumulate 1 3] [--work FOLDER]

The demo's voice and base, float32. Every run is a `run_pipeline phase1` of its own; all share one set of prepared
clips. Printed: the largest difference of mel_ce and text_ce at any evaluation from one process's, that of the final
weights relative to their norm, and at how many checkpoints the ranks' hashes of the weights were equal. Exit code 1
when a difference is above 1e-5. On two CPU cores it takes about 8 minutes.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from testbed.killing import PHASE, make_project
from xtts_finetune.records.metrics import Metrics, read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import load_declaration

BOUND = 1e-5
DONE, INTERRUPTED = 0, 130
DECLARED = """
learning_rate: 3.0e-4
schedule: {{kind: cosine, warmup_steps: 4}}
batch_size: 3
accumulate: {accumulate}
steps: {steps}
eval_every_steps: 5
checkpoint_every: {{steps: 5}}
keep: {{best: 1, checkpoints: 2}}
precision: fp32
"""


def main() -> int:
    # Started in the background, this process may be told to ignore it, and so would the commands that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = _options()
    work = options.work or Path(tempfile.mkdtemp(prefix="ranks_agree_"))
    worst = 0.0
    for accumulate in options.accumulate:
        declared = DECLARED.format(accumulate=accumulate, steps=options.steps)
        prepared = make_project(work / f"prepared {accumulate}", phase=declared)
        alone = _trained(prepared, (1,), options.steps)
        for devices in ((2,), (4,), (2, 1, 4)):
            together = _trained(prepared, devices, options.steps)
            worst = max(worst, _compared(accumulate, devices, alone, together, options.steps))
    print(f"largest difference {worst:.1e}, bound {BOUND:.0e}")
    return int(worst > BOUND)


def _trained(prepared: Path, devices: Sequence[int], steps: int) -> CandidateFolder:
    """Train the phase on so many processes, one number after the other, interrupted in between."""
    project = prepared.with_name(f"{prepared.name} on {'-'.join(map(str, devices))}")
    shutil.copytree(prepared, project)
    folder = RunFolder(load_declaration(project / "pipeline.yaml").run_folder).candidate(PHASE)
    for turn, count in enumerate(devices):
        last = turn == len(devices) - 1
        _run(project, count, folder, None if last else steps * (turn + 1) // len(devices))
    return folder


def _run(project: Path, devices: int, folder: CandidateFolder, interrupt_at: int | None) -> None:
    phase, file = project / "phases" / f"{PHASE}.yaml", project / "pipeline.yaml"
    text = re.sub(r"\ndevices:.*", "", phase.read_text(encoding="utf-8"))
    phase.write_text(f"{text}\ndevices: {devices}\n", encoding="utf-8")
    command = [sys.executable, "-m", "xtts_finetune.cli.run_pipeline", PHASE, "-f", str(file)]
    with subprocess.Popen(
        [*command, "--device", "cpu"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while interrupt_at is not None and process.poll() is None:
            if _newest_step(folder) >= interrupt_at:
                process.send_signal(signal.SIGINT)
                break
            time.sleep(0.05)
        said, _ = process.communicate()
    if process.returncode != (DONE if interrupt_at is None else INTERRUPTED):
        raise RuntimeError(f"{project.name}: exit code {process.returncode}\n{said}")


def _newest_step(folder: CandidateFolder) -> int:
    steps = read_metrics(folder.metrics).steps if folder.metrics.is_file() else ()
    return steps[-1].step if steps else 0


def _compared(
    accumulate: int, devices: Sequence[int], alone: CandidateFolder, together: CandidateFolder, steps: int
) -> float:
    """Print how far apart the two are; the largest difference."""
    one, other = read_metrics(alone.metrics), read_metrics(together.metrics)
    mel_ce, text_ce = _apart(one, other, "mel_ce"), _apart(one, other, "text_ce")
    weights = _weights_apart(alone.checkpoint(steps), together.checkpoint(steps))
    log = "\n".join(file.read_text(encoding="utf-8") for file in together.path.glob("trainer_*_log.txt"))
    print(
        f"accumulate {accumulate}, processes {' then '.join(map(str, devices)):13} {len(other.evals)} evaluations: "
        f"mel_ce {mel_ce:.1e}, text_ce {text_ce:.1e}, weights {weights:.1e}, "
        f"same hash at {log.count('ranks have the same weights')} checkpoints",
        flush=True,
    )
    return max(mel_ce, text_ce, weights)


def _apart(one: Metrics, other: Metrics, name: str) -> float:
    pairs = zip(one.evals, other.evals, strict=True)
    return max(abs(float(getattr(its, name)) - float(getattr(mine, name))) for mine, its in pairs)


def _weights_apart(one: Path, other: Path) -> float:
    mine, its = (torch.load(file, map_location="cpu", weights_only=True)["model"] for file in (one, other))
    floats = [name for name, weight in mine.items() if weight.is_floating_point()]
    apart = sum(float((its[name].double() - mine[name].double()).square().sum()) for name in floats)
    return float((apart / sum(float(mine[name].double().square().sum()) for name in floats)) ** 0.5)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--accumulate", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--work", type=Path, help="where to work; left out, a temporary folder that stays")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
