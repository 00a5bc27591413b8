"""What several devices give: clips a second, share of a step spent exchanging, memory a rank.

    python -m benchmarks.scaling [--size demo mid full] [--ranks 1 2 4] [--batch CLIPS] [--work FOLDER] [--json FILE]

Trains the same steps with 1, 2, 4 processes of one thread each on the CPU, or on 1, 2, ... all GPUs where there are
any, each number in processes that torchrun's API starts, on prepared clips through this package's own model, data and
steps. The batch of a step stays the same, as in a phase: each rank takes its share.

exchanging  1 - (time of a step whose gradients stay on their ranks) / (time of the step), the ranks waiting for each
            other at the end of both: what the backward pass did not hide.
whole       every rank holds all moments of Adam; sharded: a part of them (ZeroRedundancyOptimizer).
on paper    what benchmarks/scaling_model.py makes of the measured bandwidth of an all-reduce: the share if the backward
            pass hid all that it can, and if it hid nothing, as where the exchange needs the cores that compute.

Sizes: demo (6 layers x 192), mid (12 x 768) and full (30 x 1024, for GPUs). More processes than cores are marked: what
they gain is no figure of anything. On two CPU cores demo takes 2 minutes and mid 10; nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from benchmarks.scaling_model import Link, exchange_seconds, exposed_seconds
from benchmarks.scaling_rank import Job, measure

ROOT = Path(__file__).resolve().parents[1]
J = TypeVar("J")


@dataclass(frozen=True)
class Size:
    """Steps that are measured, and clips of each on CPUs and on GPUs."""

    steps: int
    clips: int
    clips_on_gpus: int


SIZES = {"demo": Size(6, 12, 64), "mid": Size(2, 4, 64), "full": Size(2, 4, 32)}


def main() -> None:
    options = _options()
    work = options.work or Path(tempfile.mkdtemp(prefix="scaling_"))
    report: dict[str, Any] = {"machine": _machine(), "results": []}
    print(HEADER)
    for size in options.size:
        prepare(work / size, size)
        shape = SIZES[size]
        clips = options.batch or (shape.clips_on_gpus if torch.cuda.is_available() else shape.clips)
        for ranks in options.ranks or _counts():
            for state in ("whole", "sharded") if ranks > 1 else ("whole",):
                job = Job(work / size, clips, shape.steps, options.rounds, options.threads, state)
                found = worst(launched(measure, job, ranks))
                found |= {"size": size, "ranks": ranks, "batch": clips, "optimizer_state": state}
                report["results"].append(found | on_paper(found))
                print(row(report["results"][-1]), flush=True)
                if options.json:  # after each, so that what was measured stays
                    options.json.write_text(json.dumps(report, indent=2), encoding="utf-8")
    print(_footnote(report["machine"]))


def launched(work: Callable[[J], dict[str, Any]], job: J, ranks: int) -> list[dict[str, Any]]:
    """What `work` gives in each of so many processes that torchrun's own API starts and watches."""
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=ranks,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method="spawn",
    )
    found = elastic_launch(config, work)(job)
    return [found[rank] for rank in range(ranks)]


def prepare(folder: Path, size: str) -> None:
    """Base and clips of a size, made in a process of its own as those of train_speed."""
    command = [sys.executable, "-m", "benchmarks.train_speed_prepare"]
    job = json.dumps({"folder": str(folder), "size": size})
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    subprocess.run([*command, job], cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, check=True, capture_output=True)


def worst(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The slowest rank's figures, with the largest memory of any."""
    slowest = max(found, key=lambda each: float(each["step_seconds"]))
    return slowest | {name: max(each[name] for each in found) for name in ("moments", "memory", "peak_memory")}


def on_paper(found: dict[str, Any]) -> dict[str, float]:
    """Shares of the step that the model predicts from the bandwidth of an all-reduce and the step without exchange."""
    if "rate" not in found:
        return {}
    bare, parameters = found["bare_seconds"], found["parameters"]
    measured = Link("measured", found["rate"], found["latency"] / 2)
    exchange = exchange_seconds(parameters, found["ranks"], measured)
    hidden = exposed_seconds(exchange, bare * 2 / 3, parameters)
    return {"share_if_hidden": hidden / (bare + hidden), "share_if_not": exchange / (bare + exchange)}


HEADER = f"{'size':6}{'ranks':>6}  {'moments':8}{'clips/s':>9}{'step, s':>9}{'exchanging':>12}{'on paper':>14}" + (
    f"{'all-reduce':>13}{'peak, GB':>10}{'moments, GB':>13}"
)


def row(found: dict[str, Any]) -> str:
    """A line of the table."""
    paper = rate = "-"
    if "rate" in found:
        paper = f"{found['share_if_hidden']:.2f} to {found['share_if_not']:.2f}"
        rate = f"{found['rate'] / 1e9:.2f} GB/s"
    crowded = not torch.cuda.is_available() and found["ranks"] > (os.cpu_count() or 1)
    return (
        f"{found['size']:6}{found['ranks']:6}{'*' if crowded else ' '} {found['optimizer_state']:8}"
        f"{found['clips_a_second']:9.2f}{found['step_seconds']:9.2f}{found['share_exchanging']:12.2f}{paper:>14}{rate:>13}"
        f"{found['peak_memory'] / 1e9:10.2f}{found['moments'] / 1e9:13.3f}"
    )


def _machine() -> dict[str, Any]:
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    cores, load = os.cpu_count() or 1, os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {"cores": cores, "gpus": gpus, "torch": torch.__version__, "load_at_start": load}


def _footnote(machine: dict[str, Any]) -> str:
    lines = [f"{machine['cores']} cores, GPUs: {', '.join(machine['gpus']) or 'none'}, torch {machine['torch']}"]
    lines += [] if machine["gpus"] else [f"* more processes than the {machine['cores']} cores"]
    if machine["load_at_start"] > machine["cores"] / 4:
        lines.append(f"other programs ran meanwhile (load {machine['load_at_start']:.1f} at the start)")
    return "\n".join(lines)


def _counts() -> list[int]:
    """1, 2, 4, ... and all GPUs; 1, 2 and 4 processes where there are none."""
    gpus = torch.cuda.device_count()
    powers = (2**exponent for exponent in range(gpus.bit_length()))
    return sorted({*powers, gpus}) if gpus else [1, 2, 4]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", nargs="+", choices=SIZES, default=["demo", "mid"])
    parser.add_argument("--ranks", nargs="+", type=int, help="numbers of processes; left out, 1, 2, 4 or the GPUs")
    parser.add_argument("--batch", type=int, help="clips of a step on all ranks together")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--rounds", type=int, default=3, help="how often the steps are timed; the fastest counts")
    parser.add_argument("--work", type=Path, help="where to work; left out, a temporary folder that stays")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
