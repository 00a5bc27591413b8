"""Training a phase, for one process alone and for one of several: as it runs here, and why it failed if it did."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records import faults
from xtts_finetune.records.job import EventWriter, Job
from xtts_finetune.records.metrics import EvalRecord, read_metrics
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.closing import as_it_ran

if TYPE_CHECKING:
    from xtts_finetune.ranks.group import Ranks
    from xtts_finetune.training.phase_data import AskedToStop, Speak

    SpeechMaker = Callable[[Declaration, RunFolder, str], Speak]


def as_it_runs(declaration: Declaration, job: Job) -> tuple[PhaseSpec, str]:
    """The job's phase with the batches and the precision that it runs with here, and the device: 'cpu' or 'cuda'.

    On the CPU the precision may be measured (`cpu_choice`), except by one of several processes, which have to agree.
    Raises UserError when this machine lacks what it asks for.
    """
    from xtts_finetune.training import cpu_choice  # noqa: PLC0415
    from xtts_finetune.training.device import check_compile, pick_device_for, pick_precision  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415

    phase = as_it_ran(declaration.phases[job.phase], job.ran_with)
    base, folder = find_base(declaration.pipeline.base), job.run.candidate(job.phase)
    device = pick_device_for(base, job.device)
    if phase.compile:
        check_compile(device)
    if device == "cpu":
        choice = cpu_choice.kept(folder) if job.launch else cpu_choice.choose(phase, base, folder)
        if choice is not None and phase.precision == "auto":
            return phase.model_copy(update={"precision": choice.precision}), device
    return phase.model_copy(update={"precision": pick_precision(phase.precision, device)}), device


def speaker(declaration: Declaration, job: Job, phase: PhaseSpec, speech: SpeechMaker | None) -> Speak | None:
    """What lets the model speak in the middle of the phase, where that is wanted. Raises UserError without a voice."""
    if speech is None or phase.utterances_every_evals is None:
        return None
    return speech(declaration, job.run, job.phase)


def train(
    declaration: Declaration,
    job: Job,
    phase: PhaseSpec,
    interrupted: AskedToStop,
    speak: Speak | None = None,
    ranks: Ranks | None = None,
) -> Stop:
    """Train the phase as it runs until something stops it; no closing records are written. `ranks`: None alone.

    Raises UserError when an input is wrong or cannot be read any more.
    """
    from xtts_finetune.ranks.group import ALONE  # noqa: PLC0415
    from xtts_finetune.spec.sources import kept_steps  # noqa: PLC0415
    from xtts_finetune.training.cpu_choice import in_words, kept  # noqa: PLC0415
    from xtts_finetune.training.device import name_of  # noqa: PLC0415
    from xtts_finetune.training.phase_data import PhaseData, PhaseJob  # noqa: PLC0415
    from xtts_finetune.training.starting import start  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415

    ranks, run, name = ranks or ALONE, job.run, job.phase
    parts = declaration.phases[name].batch_size // phase.batch_size
    data = PhaseData(run, find_base(declaration.pipeline.base), phase, declaration.pipeline.datasets, parts, ranks)
    try:
        asked = PhaseJob(
            folder=run.candidate(name),
            phase=phase,
            data=data,
            total_steps=data.planned.steps,
            needed=kept_steps(declaration, name),
            interrupted=interrupted,
            speak=speak,
            pause_at=job.pause_at,
            continued_at=job.continued_at,
            base=base_of_a_file(declaration, run, name),
            ranks=ranks,
        )
        with _notes(run.job_events(name), ranks) as note:
            trainer = start(declaration, run, replace(asked, note=note), note)
            device = next(trainer.model.parameters()).device.type
            threads = f", with {in_words(kept(asked.folder))}" if device == "cpu" else ""
            note(f"on {name_of(device)}, in {phase.precision}{threads}")
        return trainer.train()
    finally:
        data.close()


def base_of_a_file(declaration: Declaration, run: RunFolder, name: str) -> EvalRecord | None:
    """The base's evaluation, where the phase starts from a file of the user's; None where there is none to compare."""
    from xtts_finetune.spec.sources import source_of  # noqa: PLC0415

    if source_of(declaration, name).file is None:
        return None
    with contextlib.suppress(UserError):
        return read_metrics(run.candidate(BASE).metrics).initial
    return None


@contextlib.contextmanager
def _notes(events: Path, ranks: Ranks) -> Iterator[Callable[[str], None]]:
    """Where to say something aloud; rank 0 alone is heard. A launcher's own notes stay where they are."""
    if ranks.rank != 0:
        yield lambda message: None
        return
    with EventWriter(events, anew=ranks.count == 1) as writer:
        yield writer.note


def newest_step(job: Job) -> int | None:
    """The last step on record, for what is said of an error; None before the first."""
    try:
        steps = read_metrics(job.run.candidate(job.phase).metrics).steps
    except UserError:
        return None
    return steps[-1].step if steps else None


def stop_of_error(error: BaseException, step: int | None = None) -> Stop:
    """The stopping reason of an exception that ended a phase at `step` (None: before its first step).

    Out of memory has numbers where they are known, in bytes: `asked_bytes`, and of a GPU `device_bytes` (all of
    it), `free_bytes`, `allocated_bytes` (in tensors of this process) and `peak_bytes` (the most of them so far).
    """
    from xtts_finetune.training.device import is_full  # noqa: PLC0415  torch

    stop, memory = faults.stop_of_error(error, step), _gpu_memory()
    if stop.reason is Reason.ERROR and faults.a_full_card_may_say(str(error)) and is_full():
        stop = Stop(Reason.OUT_OF_MEMORY, faults.in_words(Reason.OUT_OF_MEMORY, stop.message), stop.numbers)
    return stop if stop.reason is not Reason.OUT_OF_MEMORY else replace(stop, numbers={**stop.numbers, **memory})


def _gpu_memory() -> dict[str, float]:
    import torch  # noqa: PLC0415  (whoever trains has it; whoever reads this module need not)

    if not torch.cuda.is_available():
        return {}
    try:
        free, total = torch.cuda.mem_get_info()
    except RuntimeError:
        return {}  # a device in trouble need not answer
    return {
        "device_bytes": float(total),
        "free_bytes": float(free),
        "allocated_bytes": float(torch.cuda.memory_allocated()),
        "peak_bytes": float(torch.cuda.max_memory_allocated()),
    }
