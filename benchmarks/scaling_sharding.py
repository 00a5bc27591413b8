"""Which way of spreading Adam's moments over ranks is the better one: ZeroRedundancyOptimizer or FSDP2.

    python -m benchmarks.scaling_sharding [--size mid] [--ranks 2] [--batch 4] [--work FOLDER] [--json FILE]

whole     DistributedDataParallel; every rank holds all moments
sharded   the same with ZeroRedundancyOptimizer: what `optimizer_state: sharded` does
fsdp2     torch's `fully_shard` on every block of the transformer and on what is left: weights, gradients and moments
          are spread, and a block's weights are gathered when it is their turn

All three train the same steps through this package's own model, data and step; the loss of the last step of the first
round says that they compute the same. On two CPU cores mid (12 x 768) takes about five minutes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from types import MethodType
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

from benchmarks.scaling import SIZES, launched, prepare, worst
from benchmarks.scaling_rank import Job, Training, measure
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.training.stepping import Stepper
from xtts_finetune.xtts.forward import run_block
from xtts_finetune.xtts.losses import GptBatch


class ShardedStepper(Stepper):
    """A step whose gradients, and with them their norm, are spread over ranks."""

    def _update(self) -> Tensor:
        norm = super()._update()
        whole: Tensor = norm.full_tensor()  # type: ignore[attr-defined]  # a DTensor
        return whole


class Whole(nn.Module):
    """The model in a plain module: `fully_shard` cannot make a subclass of Coqui's, which is an ABC as well."""

    def __init__(self, model: PhaseModel) -> None:
        super().__init__()
        self.model = model

    @property
    def xtts(self) -> Any:
        return self.model.xtts

    def forward(self, batch: GptBatch) -> Any:
        return self.model(batch)


class FullySharded(Training):
    """The same training under FSDP2."""

    def _stepping(self, device: str) -> tuple[torch.optim.Optimizer, Stepper]:
        mesh = init_device_mesh(device, (dist.get_world_size(),))
        frozen = {weight for weight in self.model.parameters() if not weight.requires_grad}
        for block in self.model.xtts.gpt.gpt.h:
            # A block is not called but run by a function of ours: FSDP2 has to know when.
            block.run = MethodType(run_block, block)
            fully_shard(block, mesh=mesh)
            register_fsdp_forward_method(block, "run")
        self.model._run_block = lambda block, hidden: block.run(hidden)
        whole = Whole(self.model)
        fully_shard(whole, mesh=mesh, ignored_params=frozen)
        optimizer = self.model.get_optimizer()
        schedule = self.model.get_scheduler([optimizer])
        stepper = ShardedStepper(cast(Any, whole), optimizer, schedule, None, self.phase)
        stepper._ranks = self.ranks  # FSDP2 takes the mean of gradients over ranks itself: no other wrapper
        return optimizer, stepper


def measure_fully_sharded(job: Job) -> dict[str, Any]:
    return measure(job, FullySharded)


WAYS = {  # name: (optimizer_state, what measures it)
    "whole": ("whole", measure),
    "sharded": ("sharded", measure),
    "fsdp2": ("whole", measure_fully_sharded),
}


def main() -> None:
    options = _options()
    work = options.work or Path(tempfile.mkdtemp(prefix="scaling_sharding_"))
    prepare(work / options.size, options.size)
    print(f"{'':9}{'step, s':>9}{'memory, GB':>12}{'peak, GB':>10}{'moments, GB':>13}{'loss':>10}")
    report = {}
    for name in options.ways:
        state, work_of_a_rank = WAYS[name]
        steps = SIZES[options.size].steps
        job = Job(work / options.size, options.batch, steps, options.rounds, options.threads, state)
        found = worst(launched(work_of_a_rank, job, options.ranks))
        report[name] = found
        print(
            f"{name:9}{found['step_seconds']:9.2f}{found['memory'] / 1e9:12.2f}{found['peak_memory'] / 1e9:10.2f}"
            f"{found['moments'] / 1e9:13.3f}{found['loss']:10.4f}",
            flush=True,
        )
        if options.json:
            options.json.write_text(json.dumps(report, indent=2), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="mid")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4, help="clips of a step on all ranks together")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--rounds", type=int, default=2, help="how often the steps are timed; the fastest counts")
    parser.add_argument("--work", type=Path, help="where to work; left out, a temporary folder that stays")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
