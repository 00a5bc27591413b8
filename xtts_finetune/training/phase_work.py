"""What training a phase consists of, for one process alone and for one of several: as it runs here, trained, closed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from xtts_finetune.errors import UserError
from xtts_finetune.records.events import EventWriter
from xtts_finetune.records.metrics import EvalRecord, Metrics, read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.stopping import Stop
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import DatasetSpec

if TYPE_CHECKING:
    from xtts_finetune.ranks.group import Ranks
    from xtts_finetune.training.phase_data import Speak

    SpeechMaker = Callable[[Declaration, RunFolder, str], Speak]


class Asked(Protocol):
    """Whether somebody has asked for the end: an event, or a launch's folder."""

    def is_set(self) -> bool: ...


def as_it_runs(declaration: Declaration, job: dict[str, Any]) -> tuple[PhaseSpec, str]:
    """The job's phase with the batches and the precision that it runs with here, and the device: 'cpu' or 'cuda'.

    Raises UserError when this machine lacks what it asks for.
    """
    from xtts_finetune.training.device import check_compile, pick_device, pick_precision  # noqa: PLC0415

    phase = phase_of(declaration, job)
    device = pick_device(job["device"])
    if phase.compile:
        check_compile(device)
    return phase.model_copy(update={"precision": pick_precision(phase.precision, device)}), device


def speaker(
    declaration: Declaration, run: RunFolder, phase: PhaseSpec, name: str, speech: SpeechMaker | None
) -> Speak | None:
    """What lets the model speak in the middle of the phase, where that is wanted."""
    if speech is None or phase.utterances_every_evals is None:
        return None
    return speech(declaration, run, name)


def train(
    declaration: Declaration,
    run: RunFolder,
    folder: CandidateFolder,
    phase: PhaseSpec,
    interrupted: Asked,
    speak: Speak | None,
    job: Mapping[str, Any],
    ranks: Ranks | None = None,
) -> Stop:
    """Train the phase as it runs until something stops it; no closing records are written. `ranks`: None alone."""
    from xtts_finetune.ranks.group import ALONE  # noqa: PLC0415
    from xtts_finetune.spec.sources import kept_steps  # noqa: PLC0415
    from xtts_finetune.training.phase_data import PhaseData, PhaseJob  # noqa: PLC0415
    from xtts_finetune.training.starting import start  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415

    ranks = ranks or ALONE
    parts = declaration.phases[folder.name].batch_size // phase.batch_size
    data = PhaseData(run, find_base(declaration.pipeline.base), phase, declaration.pipeline.datasets, parts)
    needed = kept_steps(declaration, folder.name)
    try:
        asked = PhaseJob(
            folder=folder,
            phase=phase,
            data=data,
            total_steps=data.planned.steps,
            needed=needed,
            interrupted=interrupted.is_set,
            speak=speak,
            pause_at=job.get("pause_at"),
            continued_at=int(job.get("continued_at") or 0),
            base=base_of_a_file(declaration, run, folder.name),
            ranks=ranks,
        )
        with _notes(run.job_events(folder.name), ranks) as note:
            trainer = start(declaration, run, asked, note)
        return trainer.train()
    finally:
        data.close()


def base_of_a_file(declaration: Declaration, run: RunFolder, name: str) -> EvalRecord | None:
    """The base's evaluation, where the phase starts from a file of the user's; None where there is none to compare."""
    from xtts_finetune.spec.sources import source_of  # noqa: PLC0415

    if source_of(declaration, name).file is None:
        return None
    with contextlib.suppress(UserError):
        return read_metrics(run.candidate("base").metrics).initial
    return None


@contextlib.contextmanager
def _notes(events: Path, ranks: Ranks) -> Iterator[Callable[[str], None]]:
    """Where to say something aloud; rank 0 alone is heard. A launcher's own notes stay where they are."""
    if ranks.rank != 0:
        yield lambda message: None
        return
    with EventWriter(events, anew=ranks.count == 1) as writer:
        yield writer.note


def newest_step(folder: CandidateFolder) -> int | None:
    """The last step on record, for what is said of an error; None before the first."""
    try:
        steps = read_metrics(folder.metrics).steps
    except UserError:
        return None
    return steps[-1].step if steps else None


def close(
    run: RunFolder,
    phase: PhaseSpec,
    datasets: Sequence[DatasetSpec],
    job: dict[str, Any],
    stop: Stop,
) -> None:
    """Write the closing records from the phase's own, as far as these can be read."""
    from xtts_finetune.data.index import planned_of_run  # noqa: PLC0415
    from xtts_finetune.records.closing import write_closing  # noqa: PLC0415
    from xtts_finetune.training.closing import phase_facts  # noqa: PLC0415

    folder = run.candidate(job["phase"])
    metrics, planned = Metrics(), None
    with contextlib.suppress(UserError):  # the records say so
        metrics = read_metrics(folder.metrics)
        planned = planned_of_run(run, datasets, phase)
    facts = phase_facts(
        folder.name,
        phase,
        planned,
        metrics,
        stop,
        started=str(job["started"]),
        fingerprint=str(job["fingerprint"]),
        log=run.job_log(folder.name),
        commands=job.get("commands"),
        ran_with=job.get("ran_with"),
    )
    write_closing(folder, facts, stop)


def phase_of(declaration: Declaration, job: dict[str, Any]) -> PhaseSpec:
    """The job's phase as declared, or in the smaller batches that it got when memory ran out."""
    phase = declaration.phases[job["phase"]]
    return phase.in_batches(job["batch_size"], job["accumulate"]) if "batch_size" in job else phase
