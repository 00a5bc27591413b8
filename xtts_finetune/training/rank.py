"""One of several processes that train a phase: it joins the others, trains, and says how it ended.

It ends in one of two ways. In order: the outcome is written into the launch's folder, and the exit code is 0, so that
torch's agent starts nothing again. Out of order: some other code or a signal, and the agent starts all ranks anew.
"""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from xtts_finetune.errors import WRONG_INPUT, UserError
from xtts_finetune.ranks.launched import OTHERS_ARE_GONE, Launched, end_at_once, settle
from xtts_finetune.ranks.outcome import OF_STATUS, RankOutcome
from xtts_finetune.records.job import Job
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training import phase_work
from xtts_finetune.training.closing import close_phase
from xtts_finetune.xtts import load_coqui

if TYPE_CHECKING:
    from torch._C._distributed_c10d import TCPStore

    from xtts_finetune.ranks.agreement import Start
    from xtts_finetune.training.phase_work import SpeechMaker


# So long a rank that lost its connections waits for another one's word of why it has ended.
LAST_WORDS = 5.0


class ToldByAnother(Exception):
    """Another rank has ended the phase, and has said how."""

    def __init__(self, outcome: RankOutcome) -> None:
        self.outcome = outcome


class OthersAreGone(Exception):
    """The connections to the other ranks are closed, and nobody has said why."""


def run_rank(place: Launched, job: Job, speech: SpeechMaker | None) -> NoReturn:
    """Train the job's phase with the other ranks, and end this process."""
    settle(place, job.device)
    from xtts_finetune.ranks.beats import Beats  # noqa: PLC0415  (torch: only once its GPU is chosen)

    told = place.connect(timedelta(minutes=5))
    assert job.launch is not None
    with Beats(place, job.launch.silent_seconds):
        try:
            outcome = _outcome(place, job, speech, told)
        except ToldByAnother as end:
            outcome = end.outcome
        except OthersAreGone as error:
            print(f"{place.name}: {error}", file=sys.stderr)
            end_at_once(OTHERS_ARE_GONE)
        place.folder.write_outcome(place.rank, outcome)
    # What waits for the others may wait for long, and so may the end of gloo: see `group.leave`.
    end_at_once(0)


def _outcome(place: Launched, job: Job, speech: SpeechMaker | None, told: TCPStore) -> RankOutcome:
    """Train, and say how it ended; a failure is told to the other ranks at once, which wait for this one."""
    from xtts_finetune.ranks.agreement import agree  # noqa: PLC0415

    start, ready = _ready(place, job)
    try:
        agree(place, start)
        assert ready is not None  # or its error was everybody's
        stop = _train(place, job, speech, told, *ready)
    except UserError as error:
        print(error, file=sys.stderr)
        outcome = RankOutcome(WRONG_INPUT, str(error))
        unreadable = getattr(error, "stop", None)
        if unreadable is not None:
            outcome = RankOutcome.of(unreadable, WRONG_INPUT)
    else:
        outcome = RankOutcome.of(stop, OF_STATUS[stop.reason.status])
    if outcome.went_wrong:
        told.compare_set(place.key("outcome"), "", outcome.to_text())
    return outcome


def _ready(place: Launched, job: Job) -> tuple[Start, tuple[Declaration, PhaseSpec, str] | None]:
    """What this rank would start with, as it is told to the others; what is wrong is told as well."""
    from xtts_finetune.data.batching.index import ClipIndex, batch_plan, planned  # noqa: PLC0415
    from xtts_finetune.ranks.agreement import Start, check_cache, clips_checksum, values_of  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415
    from xtts_finetune.xtts.base_as_recorded import content_fingerprint  # noqa: PLC0415

    name, run = job.phase, job.run
    try:
        declaration = load_declaration(job.declaration_file, job.overrides, job.run_folder)
        if name not in declaration.phases:
            raise UserError(f"{job.declaration_file}: there is no phase '{name}'")
        load_coqui()
        phase, device = phase_work.as_it_runs(declaration, job)
        clips, held_out = ClipIndex.read(run.clips, "train"), ClipIndex.read(run.clips, "eval")
        check_cache(run, clips)
        parts = declaration.phases[name].batch_size // phase.batch_size
        plan = batch_plan(clips, declaration.pipeline.datasets, phase, parts)
        start = Start(
            place.rank,
            place.machine,
            phase=name,
            device=device,
            steps=planned(plan, phase).steps,
            clips=clips_checksum(clips, held_out),
            base=content_fingerprint(find_base(declaration.pipeline.base)),
            values=values_of(phase),
        )
    except UserError as error:
        return Start(place.rank, place.machine, str(error)), None
    return start, (declaration, phase, device)


def _train(
    place: Launched,
    job: Job,
    speech: SpeechMaker | None,
    told: TCPStore,
    declaration: Declaration,
    phase: PhaseSpec,
    device: str,
) -> Stop:
    """Train with the others; rank 0 writes the closing records where nothing failed, else the launcher does."""
    from xtts_finetune.ranks.group import join, leave  # noqa: PLC0415

    speak = phase_work.speaker(declaration, job, phase, speech) if place.rank == 0 else None
    try:
        stop = phase_work.train(declaration, job, phase, place.folder.is_set, speak, join(device))
        leave()
    except Exception as error:
        stop = phase_work.stop_of_error(error, phase_work.newest_step(job))
        _raise_if_of_others(place, error, stop, told)
        unreadable = isinstance(error, UserError) and stop.reason is Reason.UNREADABLE
        if not unreadable:
            traceback.print_exc()
        elif not job.run.candidate(job.phase).metrics.is_file():
            # Nothing has begun, so there is nothing to close.
            raise UserError(f"{place.name}: {error}") from error
        stop = Stop(stop.reason, f"{place.name}: {stop.message}", stop.numbers)
        if unreadable:
            raise Unreadable(stop) from error
        return stop
    if place.rank == 0:
        from xtts_finetune.training.device import name_of  # noqa: PLC0415  (torch: once its GPU is chosen)

        close_phase(declaration, job, stop, phase, name_of(device))
    return stop


class Unreadable(UserError):
    """An input that could not be read any more after the phase had begun: its records are closed with `stop`."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.message)
        self.stop = stop


def _raise_if_of_others(place: Launched, error: Exception, stop: Stop, told: TCPStore) -> None:
    """Raise ToldByAnother or OthersAreGone where an error is only how this rank saw the end of another one."""
    from xtts_finetune.ranks.group import is_of_connection  # noqa: PLC0415

    lost = stop.reason is Reason.ERROR and is_of_connection(error)
    ends = time.monotonic() + (LAST_WORDS if lost else 0.0)
    while (outcome := _told_by_now(place, told)) is None and time.monotonic() < ends:
        time.sleep(0.1)
    if outcome is not None:
        raise ToldByAnother(outcome) from error
    if lost:
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise OthersAreGone(f"the connection to the other ranks is lost: {line}") from error


def _told_by_now(place: Launched, told: TCPStore) -> RankOutcome | None:
    """How another rank says that the phase has ended; None for no word, or nowhere to ask any more."""
    with contextlib.suppress(RuntimeError):
        if told.check([place.key("outcome")]):
            return RankOutcome.from_text(told.get(place.key("outcome")))
    return None
