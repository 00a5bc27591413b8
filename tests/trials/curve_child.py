"""A child that 'trains' along a curve which its values decide: quick, but with every record, checkpoint and resume.

Run as `python -m xtts_finetune.pipeline.children.child tests.trials.curve_child JOB.json`, in the frame of the
real one.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.records.candidates.checkpoints import CheckpointRecord, write_checkpoint_record
from xtts_finetune.records.job import Job
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, StepRecord, keep_metrics_until
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.training.closing import close_phase

STEP_SECONDS = float(os.environ.get("CURVE_STEP_SECONDS", "0.01"))
START = 3.0


def mel_ce(phase: Mapping[str, Any], step: int) -> float:
    """The curve: best where the learning rate is 1e-6, with a ripple that is the same every time."""
    rate = float(phase["learning_rate"])
    gain = 0.5 * math.exp(-((math.log10(rate) + 6) ** 2)) * step / int(phase["steps"])
    return START - gain + 0.003 * math.sin(1000 * math.log10(rate) + 7 * step) * (step > 0)


def child(module: str, arguments: Sequence[str]) -> list[str]:
    """The command line of this child, whatever it is asked for."""
    return [
        sys.executable,
        "-m",
        "xtts_finetune.pipeline.children.child",
        "tests.trials.curve_child",
        *arguments,
    ]


def main(job_file: str) -> int:
    job = Job.read(Path(job_file))
    declaration = load_declaration(job.declaration_file, job.overrides, job.run_folder)
    phase = declaration.phases[job.phase]
    stop = train(job.run.candidate(job.phase), phase.model_dump(), job.pause_at)
    close_phase(declaration, job, stop)
    return 130 if stop.reason is Reason.INTERRUPTED else 0


def train(folder: CandidateFolder, phase: dict[str, Any], pause_at: int | None) -> Stop:
    step, clips = max(folder.recorded_steps(), default=0), phase["batch_size"]
    keep_metrics_until(folder.metrics, step if step else -1)
    try:
        with MetricsWriter(folder.metrics) as metrics:
            if step == 0:
                metrics.write(EvalRecord(0, START, 0.03, 3.0, 1.0, 1000, 100, 0.1))
            while step < phase["steps"]:
                if step == pause_at:
                    return Stop(Reason.PAUSED, f"paused at step {step}")
                time.sleep(STEP_SECONDS)
                step += 1
                loss = mel_ce(phase, step)
                metrics.write(StepRecord(step, 0.1, phase["learning_rate"], loss, loss, 3.0, 1.0, clips, 0.1, 0.0))
                if step % phase["eval_every_steps"] == 0:
                    metrics.write(EvalRecord(step, loss, 0.03, 3.0, 1.0, 1000, 100, 0.1))
                folder.best_model.write_bytes(b"model")
                folder.checkpoint(step).write_bytes(b"PK")
                write_checkpoint_record(folder, CheckpointRecord(step, 2, 0, resumes=True, regular=True))
    except KeyboardInterrupt:
        return Stop(Reason.INTERRUPTED, "interrupted")
    return Stop(Reason.ALL_STEPS_DONE, "all steps are done")


if __name__ == "__main__":
    sys.exit(main(sys.argv[-1]))
