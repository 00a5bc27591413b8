"""Trains one phase on two 'machines', and holds it to one process: the same figures.

    python -m benchmarks.two_machines [--work FOLDER] [--port N]

Each machine is a network namespace with one end of a cable between them (Linux, root); where that is refused, both are
this machine, meeting at its loopback address. Each runs the command that a user types on it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from testbed.killing import PHASE, make_project, phase_folder
from xtts_finetune.records.metrics import read_metrics

ROOT = Path(__file__).resolve().parents[1]
DECLARED = """
learning_rate: 3.0e-4
schedule: {kind: cosine, warmup_steps: 4}
batch_size: 4
steps: 20
eval_every_steps: 5
checkpoint_every: {steps: 10}
precision: fp32
"""


@dataclass(frozen=True)
class Places:
    """Where the two machines are: what stands before each one's command, and the address of the first."""

    before: tuple[tuple[str, ...], tuple[str, ...]]
    host: str
    what: str


def main() -> None:
    options = _options()
    work = options.work or Path(tempfile.mkdtemp(prefix="two_machines_"))
    prepared = make_project(work / "prepared", phase=DECLARED)
    alone, together = _fresh(prepared, work / "alone"), _fresh(prepared, work / "together")
    began = time.monotonic()
    code = _start(alone, ()).wait()
    assert code == 0, f"one process alone: exit code {code}; see {alone}"
    print(f"one process: {time.monotonic() - began:.0f} s")
    with _places() as places:
        began = time.monotonic()
        meet = ("--rendezvous", f"{places.host}:{options.port}", "--machines", "2")
        machines = [_start(together, places.before[number], *meet, "--machine", str(number)) for number in (0, 1)]
        codes = [machine.wait() for machine in machines]
    print(f"two machines ({places.what}): {time.monotonic() - began:.0f} s, exit codes {codes}")
    if any(codes):
        raise SystemExit(f"see {together}/printed-*.txt")
    print(compared(alone, together))


def compared(alone: Path, together: Path) -> str:
    """The largest differences of the two runs."""
    ours, theirs = (read_metrics(phase_folder(folder).metrics).evals for folder in (together, alone))
    assert [record.step for record in ours] == [record.step for record in theirs]
    pairs = list(zip(ours, theirs, strict=True))
    mel = max(abs(one.mel_ce - other.mel_ce) for one, other in pairs)
    text = max(abs(one.text_ce - other.text_ce) for one, other in pairs)
    models = [
        torch.load(phase_folder(folder).checkpoint(20), map_location="cpu", weights_only=True)["model"]
        for folder in (together, alone)
    ]
    names = [name for name, weight in models[1].items() if weight.is_floating_point()]
    apart = sum(float((models[0][name] - models[1][name]).double().pow(2).sum()) for name in names)
    far = (apart / sum(float(models[1][name].double().pow(2).sum()) for name in names)) ** 0.5
    return (
        f"{len(pairs)} evaluations: mel_ce differs by {mel:.1e} at most, text_ce by {text:.1e}; "
        f"weights by {far:.1e} of their norm"
    )


@contextmanager
def _places() -> Iterator[Places]:
    """Two namespaces with a cable between them, or the loopback twice; removed in the end."""
    names = (f"xf{os.getpid()}a", f"xf{os.getpid()}b")
    commands = [
        *(["ip", "netns", "add", name] for name in names),
        ["ip", "link", "add", names[0], "type", "veth", "peer", "name", names[1]],
        *(["ip", "link", "set", name, "netns", name] for name in names),
        *(
            ["ip", "-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", name]
            for number, name in enumerate(names, 1)
        ),
        *(["ip", "-n", name, "link", "set", device, "up"] for name in names for device in (name, "lo")),
    ]
    try:
        if not shutil.which("ip") or not all(_worked(command) for command in commands):
            yield Places(((), ()), "127.0.0.1", "both at the loopback: namespaces are refused")
            return
        first, second = (("ip", "netns", "exec", name) for name in names)
        yield Places((first, second), "10.77.0.1", "network namespaces")
    finally:
        if shutil.which("ip"):
            for name in names:
                _worked(["ip", "netns", "delete", name])


def _worked(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def _start(folder: Path, before: tuple[str, ...], *options: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
    }
    command = [*before, sys.executable, "-m", "xtts_finetune.cli.run_pipeline", PHASE, "--device", "cpu"]
    command += ["-f", str(folder / "pipeline.yaml"), *options]
    with (folder / f"printed-{options[-1] if options else 0}.txt").open("wb") as printed:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=printed, stderr=printed)


def _fresh(prepared: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(prepared, folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=29477)
    parser.add_argument("--work", type=Path, help="where to work; left out, a temporary folder that stays")
    return parser.parse_args()


if __name__ == "__main__":
    main()
