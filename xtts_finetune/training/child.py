"""The child process that trains one phase: `python -m xtts_finetune.training.child JOB.json`.

Exit codes: 0 the phase is done (all steps, or a stop rule), 1 it failed, 2 an input is wrong, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.events import EventWriter
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Stop
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.phase import PhaseSpec

if TYPE_CHECKING:
    from TTS.tts.models.xtts import Xtts

    from xtts_finetune.records.metrics import QualityRecord

    Speak = Callable[[Xtts, int], QualityRecord]
    SpeechMaker = Callable[[Declaration, RunFolder, str], Speak]

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(job_file: Path, speech: SpeechMaker | None = None) -> int:
    """Train the phase that the job names; returns the exit code.

    `speech` makes what lets the model speak in the middle of the phase, for a phase that wants it.
    """
    job = json.loads(job_file.read_text(encoding="utf-8"))
    run = RunFolder(Path(job["run_folder"]))
    if job["device"] == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks for devices
    interrupted = _listen_for_interrupts()
    try:
        declaration = load_declaration(Path(job["declaration_file"]), job["overrides"], run.root)
        stop = train_phase(declaration, run, job, interrupted, speech)
    except UserError as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    return {"done": DONE, "failed": FAILED, "interrupted": INTERRUPTED}[stop.reason.status]


def train_phase(
    declaration: Declaration,
    run: RunFolder,
    job: dict[str, Any],
    interrupted: threading.Event,
    speech: SpeechMaker | None = None,
) -> Stop:
    """Train one phase from its first weights, or from where it was left, and write its closing records."""
    # Imported here: a wrong declaration is said before the seconds that torch takes.
    from xtts_finetune.records.closing import write_closing  # noqa: PLC0415
    from xtts_finetune.records.metrics import read_metrics  # noqa: PLC0415
    from xtts_finetune.spec.sources import kept_steps  # noqa: PLC0415
    from xtts_finetune.training.closing import phase_facts  # noqa: PLC0415
    from xtts_finetune.training.device import check_precision, pick_device  # noqa: PLC0415
    from xtts_finetune.training.phase_data import PhaseData  # noqa: PLC0415
    from xtts_finetune.training.phase_trainer import PhaseJob  # noqa: PLC0415
    from xtts_finetune.training.starting import start  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415

    name = job["phase"]
    phase = _as_it_runs(declaration.phases[name], job)
    folder = run.candidate(name)
    device = pick_device(job["device"])
    check_precision(phase.precision, device)
    speak = speech(declaration, run, name) if speech and phase.utterances_every_evals else None
    data = PhaseData(run, find_base(declaration.pipeline.base), phase)
    work = PhaseJob(
        folder,
        phase,
        data,
        phase.planned_steps(data.train_clips),
        kept_steps(declaration, name),
        interrupted.is_set,
        speak,
    )
    try:
        with EventWriter(run.job_events(name)) as events:
            trainer = start(declaration, run, work, events.note)
        stop = trainer.train()
    finally:
        data.close()
    metrics = read_metrics(folder.metrics)
    facts = phase_facts(
        name,
        phase,
        data.train_clips,
        metrics,
        stop,
        started=str(job["started"]),
        fingerprint=str(job["fingerprint"]),
        log=run.job_log(name),
    )
    write_closing(folder, facts, stop)
    return stop


def _as_it_runs(phase: PhaseSpec, job: dict[str, Any]) -> PhaseSpec:
    """The declared phase, with the smaller batches that it got when memory ran out."""
    return phase.model_copy(update={key: job[key] for key in ("batch_size", "accumulate") if key in job})


def _listen_for_interrupts() -> threading.Event:
    """Ctrl-C only asks: the step at hand is finished and saved first."""
    asked = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: asked.set())
    return asked


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1])))
