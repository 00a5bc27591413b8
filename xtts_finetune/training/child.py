"""The child process that trains one phase: `python -m xtts_finetune.training.child JOB.json`.

Exit codes: 0 the phase is done (all steps, or a stop rule), 1 it failed, 2 an input is wrong, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.events import EventWriter
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.stopping import Stop
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.phase import PhaseSpec

if TYPE_CHECKING:
    from TTS.tts.models.xtts import Xtts

    from xtts_finetune.records.metrics import QualityRecord
    from xtts_finetune.training.phase_data import PhaseData
    from xtts_finetune.training.phase_trainer import PhaseTrainer

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
    from xtts_finetune.training.closing import phase_facts  # noqa: PLC0415
    from xtts_finetune.training.device import check_precision, pick_device  # noqa: PLC0415
    from xtts_finetune.training.phase_data import PhaseData  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415

    name = job["phase"]
    phase = _as_it_runs(declaration.phases[name], job)
    folder = run.candidate(name)
    device = pick_device(job["device"])
    check_precision(phase.precision, device)
    data = PhaseData(run, find_base(declaration.pipeline.base), phase)
    trainer = _trainer(declaration, run, name, phase, data, interrupted, speech)
    try:
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


def _trainer(
    declaration: Declaration,
    run: RunFolder,
    name: str,
    phase: PhaseSpec,
    data: PhaseData,
    interrupted: threading.Event,
    speech: SpeechMaker | None,
) -> PhaseTrainer:
    """The phase's trainer, at its beginning or where it was left."""
    from xtts_finetune.records.checkpoints import read_checkpoint_records, sweep_checkpoints  # noqa: PLC0415
    from xtts_finetune.spec.sources import kept_steps, source_of  # noqa: PLC0415
    from xtts_finetune.training.phase_model import PhaseModel  # noqa: PLC0415
    from xtts_finetune.training.phase_trainer import PhaseJob, PhaseTrainer  # noqa: PLC0415
    from xtts_finetune.training.starting import begin, first_weights, resume  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415
    from xtts_finetune.xtts.model import load_model  # noqa: PLC0415

    base = find_base(declaration.pipeline.base)
    folder, source = run.candidate(name), source_of(declaration, name)
    total_steps = phase.planned_steps(data.train_clips)
    sweep_checkpoints(folder)
    goes_on = any(record.resumes for record in read_checkpoint_records(folder))
    weights = None if goes_on else first_weights(source, run)
    model = PhaseModel(load_model(base, weights), phase, total_steps)
    _make_model_folder(folder, base.vocab)
    speak = speech(declaration, run, name) if speech and phase.utterances_every_evals else None
    job = PhaseJob(folder, phase, data, total_steps, kept_steps(declaration, name), interrupted.is_set, speak)
    trainer = PhaseTrainer(model, job)
    if goes_on:
        with EventWriter(run.job_events(name)) as events:
            resume(trainer, events.note)
    else:
        begin(trainer, source, weights)
    return trainer


def _as_it_runs(phase: PhaseSpec, job: dict[str, Any]) -> PhaseSpec:
    """The declared phase, with the smaller batches that it got when memory ran out."""
    return phase.model_copy(update={key: job[key] for key in ("batch_size", "accumulate") if key in job})


def _make_model_folder(folder: CandidateFolder, vocab: Path) -> None:
    """Stock tools load a phase's folder: config.json is written by Trainer, vocab.json is the base's."""
    folder.path.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(vocab, folder.vocab)


def _listen_for_interrupts() -> threading.Event:
    """Ctrl-C only asks: the step at hand is finished and saved first."""
    asked = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: asked.set())
    return asked


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1])))
