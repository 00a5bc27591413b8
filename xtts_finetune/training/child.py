"""The child process that trains one phase: `python -m xtts_finetune.training.child JOB.json`.

Exit codes as in errors.py; a phase that a stop rule ends is done.
"""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from xtts_finetune.errors import WRONG_INPUT, UserError
from xtts_finetune.machine.cards import keep_to
from xtts_finetune.ranks.launched import launched
from xtts_finetune.ranks.outcome import OF_STATUS
from xtts_finetune.records.job import Job
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.closing import close_phase
from xtts_finetune.training.phase_work import as_it_runs, newest_step, speaker, stop_of_error, train
from xtts_finetune.xtts import load_coqui

if TYPE_CHECKING:
    from xtts_finetune.training.phase_data import AskedToStop
    from xtts_finetune.training.phase_work import SpeechMaker


def main(job_file: Path, speech: SpeechMaker | None = None) -> int:
    """Train the phase that the job names; returns the exit code.

    `speech` makes what lets the model speak in the middle of the phase, for a phase that wants it. One of several
    processes ends with 0 whatever the phase's end, which it writes down for its launcher.
    """
    job = Job.read(job_file)
    place = launched()
    if place is not None:
        from xtts_finetune.training.rank import run_rank  # noqa: PLC0415

        return run_rank(place, job, speech)
    keep_to(job.device)
    interrupted = _listen_for_interrupts()
    try:
        declaration = load_declaration(job.declaration_file, job.overrides, job.run_folder)
        stop = train_phase(declaration, job, interrupted.is_set, speech)
    except UserError as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    return OF_STATUS[stop.reason.status]


def train_phase(
    declaration: Declaration, job: Job, interrupted: AskedToStop, speech: SpeechMaker | None = None
) -> Stop:
    """Train one phase from its first weights, or from where it was left, and write its closing records.

    Whatever ends it is written down. Raises UserError when an input is wrong or cannot be read any more.
    """
    load_coqui()
    from xtts_finetune.training.cpu_choice import in_words, kept, threads_of  # noqa: PLC0415  (torch, as below)
    from xtts_finetune.training.device import name_of  # noqa: PLC0415  (torch: once its devices are chosen)

    phase, device = as_it_runs(declaration, job)
    choice = kept(job.run.candidate(job.phase)) if device == "cpu" else None
    with threads_of(choice):
        where = f"the CPU, {in_words(choice)}" if device == "cpu" else name_of(device)
        return _train_and_close(declaration, job, interrupted, speech, phase, where)


def _train_and_close(
    declaration: Declaration,
    job: Job,
    interrupted: AskedToStop,
    speech: SpeechMaker | None,
    phase: PhaseSpec,
    where: str,
) -> Stop:
    """The phase as it runs here; `where` in words."""
    speak = speaker(declaration, job, phase, speech)
    try:
        stop = train(declaration, job, phase, interrupted, speak)
    except Exception as error:
        stop = stop_of_error(error, newest_step(job))
        unreadable = isinstance(error, UserError) and stop.reason is Reason.UNREADABLE
        if unreadable and not job.run.candidate(job.phase).metrics.is_file():
            raise  # nothing has begun, so there is nothing to close
        if not unreadable:
            traceback.print_exc()
        close_phase(declaration, job, stop, phase, where)
        if unreadable:
            raise
        return stop
    close_phase(declaration, job, stop, phase, where)
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
