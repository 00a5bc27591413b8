"""What one rank of benchmarks/scaling.py does and measures, on this package's own path of training."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
import torch.distributed as dist

from benchmarks.scaling_model import BUCKET
from benchmarks.train_speed_measure import LEARNING_RATE, peak_memory
from xtts_finetune.ranks.group import Ranks, join, leave
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.device import pick_device, pick_precision
from xtts_finetune.training.phase_data import PhaseData
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.training.stepping import Stepper
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model


@dataclass(frozen=True)
class Job:
    """One cell of the table. `batch` counts the clips of a step on all ranks; `threads` are those of one process."""

    folder: Path
    batch: int
    steps: int
    rounds: int
    threads: int
    optimizer_state: str = "whole"


class Training:
    """A phase of this package without what surrounds its steps."""

    def __init__(self, job: Job, ranks: Ranks, device: str) -> None:
        base, run = BaseFiles(job.folder / "base"), RunFolder(job.folder / "run" / "speed")
        phase = PhaseSpec(
            learning_rate=LEARNING_RATE,
            batch_size=job.batch,
            steps=job.steps,
            seed=1,
            optimizer_state=job.optimizer_state,
        )
        precision = pick_precision(phase.precision, device)
        phase = phase.model_copy(update={"precision": precision})
        datasets = load_declaration(job.folder / "pipeline.yaml").pipeline.datasets
        self.phase, self.ranks = phase, ranks
        self.data = PhaseData(run, base, phase, datasets, ranks=ranks)
        self.model = PhaseModel(load_model(base), phase, job.steps).to(device)
        self.model.set_training()
        self.optimizer, self.stepper = self._stepping(device)

    def _stepping(self, device: str) -> tuple[torch.optim.Optimizer, Stepper]:
        optimizer = self.model.get_optimizer()
        schedule = self.model.get_scheduler([optimizer])
        scaler = torch.GradScaler(device) if self.phase.precision == "fp16" else None
        return optimizer, Stepper(self.model, optimizer, schedule, scaler, self.phase, self.ranks)

    def seconds(self, steps: int, exchange: bool = True) -> float:
        """Of so many steps, the same ones every time; without `exchange` every rank keeps its gradients."""
        self.ranks.any(False)  # all begin together
        began = time.perf_counter()
        with contextlib.nullcontext() if exchange else self.stepper._unexchanged():
            for step in range(steps):
                batches = self.data.train_batches(step)
                values = self.stepper.take(batches, self.data.micro_batches, step)
            self.loss = values.get().loss  # after the sum over ranks, so that all have ended
        return time.perf_counter() - began


def measure(job: Job, kind: type[Training] = Training) -> dict[str, Any]:
    """The figures of one rank; torchrun's API starts this in each process."""
    torch.set_num_threads(job.threads)
    device = pick_device("auto")
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    ranks = join(device)
    training = kind(job, ranks, device)
    training.seconds(job.steps)  # meets every size once
    first_loss, whole, unexchanged = training.loss, [], []
    for _ in range(job.rounds):
        whole.append(training.seconds(job.steps))
        if ranks.count > 1:
            unexchanged.append(training.seconds(job.steps, exchange=False))
    seconds = min(whole) / job.steps  # whatever else runs can only slow a round
    bare = min(unexchanged) / job.steps if unexchanged else seconds
    figures = {
        "clips_a_second": job.batch / seconds,
        "step_seconds": seconds,
        "bare_seconds": bare,
        "share_exchanging": max(0.0, 1 - bare / seconds),
        "parameters": sum(weight.numel() for weight in training.model.parameters() if weight.requires_grad),
        "moments": moments_bytes(training.optimizer),
        "memory": psutil.Process().memory_info().rss,
        "peak_memory": peak_memory(),
        "precision": training.phase.precision,
        "loss": first_loss,
        **(link(device) if ranks.count > 1 else {}),
    }
    training.data.close()
    leave()
    # Gloo's thread lets go of the last result now: it needs Python's lock for that, which taking down the group holds.
    time.sleep(0.2)
    if ranks.count > 1:
        dist.destroy_process_group()
    return figures


def moments_bytes(optimizer: Any) -> int:
    """What this rank holds of the optimizer's state."""
    states = getattr(optimizer, "optim", optimizer).state.values()
    held = (value for state in states for value in state.values() if isinstance(value, torch.Tensor))
    return sum(getattr(value, "_local_tensor", value).nbytes for value in held)  # a DTensor holds a part


def link(device: str) -> dict[str, float]:
    """Rate of an all-reduce of the size of a bucket (bytes that a rank sends a second), and seconds of the smallest."""
    ranks = dist.get_world_size()
    large = _all_reduce_seconds(torch.ones(BUCKET // 4, device=device), 12)
    small = _all_reduce_seconds(torch.ones(1, device=device), 50)
    return {"rate": 2 * (ranks - 1) / ranks * BUCKET / (large - small), "latency": small}


def _all_reduce_seconds(values: torch.Tensor, times: int) -> float:
    found = []
    for _ in range(times + 2):
        dist.barrier()
        began = time.perf_counter()
        dist.all_reduce(values)
        if values.is_cuda:
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return statistics.median(found[2:])
