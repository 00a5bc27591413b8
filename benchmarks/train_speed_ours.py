"""This package's side of train_speed: `python -m benchmarks.train_speed_ours JOB`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.train_speed_measure import (
    LEARNING_RATE,
    Clock,
    bytes_of,
    evaluated,
    peak_memory,
    write_result,
)
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.device import HALF, pick_device, pick_precision
from xtts_finetune.training.phase_data import PhaseData
from xtts_finetune.training.phase_job import PhaseJob
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.training.phase_trainer import PhaseTrainer
from xtts_finetune.training.stepping import fast_matrices
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.losses import GptBatch
from xtts_finetune.xtts.model import load_model

BARE_SECONDS = 15.0  # at least; a pass over the batches is never cut


class TimedTrainer(PhaseTrainer):
    """The phase's trainer, with a clock at the end of each step."""

    clock: Clock

    def _take_step(self) -> None:
        super()._take_step()
        self.clock.step(self.step)

    def _evaluate(self) -> Any:
        stop = super()._evaluate()
        self.clock.pause()
        return stop


def main(job: dict[str, Any]) -> None:
    folder, out = Path(job["folder"]), Path(job["out"])
    if job["parity"]:
        torch.set_num_threads(1)
    base, run = BaseFiles(folder / "base"), RunFolder(folder / "run" / "speed")
    declaration = load_declaration(folder / "pipeline.yaml")
    phase = _phase(job)
    data = PhaseData(run, base, phase, declaration.pipeline.datasets)
    out.mkdir(parents=True, exist_ok=True)
    model = PhaseModel(load_model(base), phase, job["steps"])
    trainer = TimedTrainer(model, PhaseJob(CandidateFolder(out), phase, data, job["steps"]))
    trainer.clock = Clock(job)
    trainer.train()
    memory = peak_memory()
    metrics = read_metrics(out / "metrics.jsonl")
    figures = {
        **trainer.clock.figures(read_clips(run.clips, "train")),
        "evaluation_seconds": metrics.evals[-1].seconds,
        "loading_share": sum(s.load_seconds for s in metrics.steps) / sum(s.seconds for s in metrics.steps),
        "peak_memory": memory,
        "bytes": bytes_of(out),
        "threads": torch.get_num_threads(),
        "precision": phase.precision,
        "mel_ce": evaluated(model.xtts.gpt, run),
    }
    batches = [
        data.train_batches(step)[0].to(trainer._device) for step in range(job["warm_up"], job["steps"])
    ]
    bare = _bare_seconds(trainer, batches, phase)
    figures["bare_clips_a_second"] = job["batch"] / bare
    figures["share_of_bare"] = figures["clips_a_second"] / figures["bare_clips_a_second"]
    data.close()
    write_result(out, figures)


def _phase(job: dict[str, Any]) -> PhaseSpec:
    given: dict[str, Any] = (
        {"precision": "fp32", "buckets": False, "gradient_clip": None} if job["parity"] else {}
    )
    phase = PhaseSpec(
        learning_rate=LEARNING_RATE,
        batch_size=job["batch"],
        steps=job["steps"],
        eval_every_steps=job["steps"],
        seed=job["seed"],
        **given,
    )
    return phase.model_copy(update={"precision": pick_precision(phase.precision, pick_device("auto"))})


def _bare_seconds(trainer: PhaseTrainer, batches: list[GptBatch], phase: PhaseSpec) -> float:
    """Seconds of forward, backward and optimizer step on the batches that were trained on, already on the device."""
    optimizer, device = trainer.optimizer[0], trainer._device
    half = phase.precision in HALF

    def once() -> None:
        for batch in batches:
            with fast_matrices(phase.precision != "fp32"):
                with torch.autocast(device.type, HALF.get(phase.precision), half):
                    loss = trainer.model(batch)["loss"]
                loss.backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize()

    began, passes = time.perf_counter(), 0
    while time.perf_counter() - began < BARE_SECONDS:
        once()
        passes += 1
    return (time.perf_counter() - began) / (passes * len(batches))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
