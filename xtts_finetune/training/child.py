"""The child process that trains one phase: `python -m xtts_finetune.training.child JOB.json`.

Exit codes: 0 the phase is done (all steps, or a stop rule), 1 it failed, 2 an input is wrong, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.ranks.launched import launched
from xtts_finetune.ranks.outcome import OF_STATUS, WRONG_INPUT
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.training.phase_work import Asked, as_it_runs, close, newest_step, speaker, train
from xtts_finetune.xtts.loading_coqui import load_coqui

if TYPE_CHECKING:
    from xtts_finetune.training.phase_work import SpeechMaker


def main(job_file: Path, speech: SpeechMaker | None = None) -> int:
    """Train the phase that the job names; returns the exit code.

    `speech` makes what lets the model speak in the middle of the phase, for a phase that wants it. One of several
    processes ends with 0 whatever the phase's end, which it writes down for its launcher.
    """
    job = json.loads(job_file.read_text(encoding="utf-8"))
    run = RunFolder(Path(job["run_folder"]), Path(job["data_folder"]))
    if job["device"] == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks for devices
    place = launched()
    if place is not None:
        from xtts_finetune.training.rank import run_rank  # noqa: PLC0415

        return run_rank(place, run, job, speech)
    interrupted = _listen_for_interrupts()
    try:
        declaration = load_declaration(Path(job["declaration_file"]), job["overrides"], run.root)
        stop = train_phase(declaration, run, job, interrupted, speech)
    except UserError as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    return OF_STATUS[stop.reason.status]


def train_phase(
    declaration: Declaration,
    run: RunFolder,
    job: dict[str, Any],
    interrupted: Asked,
    speech: SpeechMaker | None = None,
) -> Stop:
    """Train one phase from its first weights, or from where it was left, and write its closing records.

    Whatever ends it is written down. Raises UserError when an input is wrong or cannot be read any more.
    """
    # Imported here: a wrong declaration is said before the seconds that torch takes.
    from xtts_finetune.training.rank import stop_of_error  # noqa: PLC0415

    load_coqui()
    name = job["phase"]
    phase, _ = as_it_runs(declaration, job)
    folder = run.candidate(name)
    speak = speaker(declaration, run, phase, name, speech)
    try:
        stop = train(declaration, run, folder, phase, interrupted, speak, job)
    except Exception as error:
        stop = stop_of_error(error, newest_step(folder))
        unreadable = isinstance(error, UserError) and stop.reason is Reason.UNREADABLE
        if unreadable and not folder.metrics.is_file():
            raise  # nothing has begun, so there is nothing to close
        if not unreadable:
            traceback.print_exc()
        close(run, phase, declaration.pipeline.datasets, job, stop)
        if unreadable:
            raise
        return stop
    close(run, phase, declaration.pipeline.datasets, job, stop)
    return stop


def _listen_for_interrupts() -> threading.Event:
    """Ctrl-C only asks: the step at hand is finished and saved first."""
    asked = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: asked.set())
    return asked


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1])))
