"""This package's side of train_speed: `python -m benchmarks.train_speed_ours JOB`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.train_speed_bare import BareLimit
from benchmarks.train_speed_measure import LEARNING_RATE, Clock, bytes_of, peak_memory, write_result
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.cpu_choice import choose
from xtts_finetune.training.device import pick_device, pick_precision
from xtts_finetune.training.phase_data import PhaseData, PhaseJob
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.training.phase_trainer import PhaseTrainer
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model


class TimedTrainer(PhaseTrainer):
    """The phase's trainer, with a clock at the end of each step, and beside the bare limit once compared to stock."""

    clock: Clock
    bare: BareLimit
    compared: int  # the step at which its model and memory are compared to stock's
    peak_memory: int

    def _take_step(self) -> None:
        super()._take_step()
        if self.step <= self.compared:
            self.clock.step(self.step)
        else:
            self.bare.after_step(self.step - self.compared)

    def _is_due(self, every: int) -> bool:
        beside_bare = self.compared < self.step < self.job.total_steps
        return not beside_bare and super()._is_due(every)

    def _evaluate(self) -> Any:
        stop = super()._evaluate()
        self.clock.pause()
        if self.step == self.compared:
            self.peak_memory = peak_memory()
            self.bare.begin()
        return stop


def main(job: dict[str, Any]) -> None:
    folder, out = Path(job["folder"]), Path(job["out"])
    if job["parity"]:
        torch.set_num_threads(1)
    base, run = BaseFiles(folder / "base"), RunFolder(folder / "run" / "speed")
    declaration = load_declaration(folder / "pipeline.yaml")
    out.mkdir(parents=True, exist_ok=True)
    phase = _phase(job, base, CandidateFolder(out))
    data = PhaseData(run, base, phase, declaration.pipeline.datasets)
    model = PhaseModel(load_model(base), phase, job["steps"])
    trainer = TimedTrainer(model, PhaseJob(CandidateFolder(out), phase, data, job["steps"] + job["beside_bare"]))
    trainer.clock, trainer.compared = Clock(job), job["steps"]
    trainer.bare = BareLimit(trainer, phase, job["block"])
    trainer.train()
    metrics = read_metrics(out / "metrics.jsonl")
    compared = next(record for record in metrics.evals if record.step == job["steps"])
    figures = {
        **trainer.clock.figures(read_clips(run.clips, "train")),
        **trainer.bare.figures(),
        "evaluation_seconds": compared.seconds,
        "loading_share": sum(s.load_seconds for s in metrics.steps) / sum(s.seconds for s in metrics.steps),
        "peak_memory": trainer.peak_memory,
        "bytes": bytes_of(out),
        "threads": torch.get_num_threads(),
        "precision": phase.precision,
        "mel_ce": compared.mel_ce,
    }
    data.close()
    write_result(out, figures)


def _phase(job: dict[str, Any], base: BaseFiles, folder: CandidateFolder) -> PhaseSpec:
    """The phase as it runs here; on a CPU with the threads and the precision that it chooses by measuring."""
    given: dict[str, Any] = {"precision": "fp32", "buckets": False, "gradient_clip": None} if job["parity"] else {}
    phase = PhaseSpec(
        learning_rate=LEARNING_RATE,
        batch_size=job["batch"],
        steps=job["steps"],
        eval_every_steps=job["steps"],
        seed=job["seed"],
        **given,
    )
    device = pick_device("auto")
    choice = choose(phase, base, folder) if device == "cpu" and not job["parity"] else None
    if choice is None:
        return phase.model_copy(update={"precision": pick_precision(phase.precision, device)})
    torch.set_num_threads(choice.threads)
    return phase.model_copy(update={"precision": choice.precision})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
