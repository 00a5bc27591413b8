"""Is somebody at work in a run's folder, or was the work cut off? And what the jobs do and say, from the logs."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from xtts_finetune.look.commands import command
from xtts_finetune.look.quantities import duration
from xtts_finetune.monitor.view import State
from xtts_finetune.records.holders import Holder
from xtts_finetune.records.job import Progress
from xtts_finetune.records.json_lines import Follower
from xtts_finetune.records.run_folder import RunFolder

MOST_NOTES = 50


class Jobs:
    """Follows the events of all jobs of a run."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._followers: dict[str, Follower] = {}
        self._progress: dict[str, Progress] = {}
        self.notes: deque[str] = deque(maxlen=MOST_NOTES)
        self.newest: str = ""
        self.newest_time: float | None = None

    def look(self) -> None:
        """Read what is new."""
        self.newest, self.newest_time = "", None
        for job, path in self._run.events_of_jobs().items():
            self._follow(job, path)
        for job, path in self._run.job_files().items():
            self._remember_newest(job, path)

    def progress(self, job: str) -> Progress | None:
        """How far a job is."""
        return self._progress.get(job)

    def _follow(self, job: str, path: Path) -> None:
        follower = self._followers.setdefault(job, Follower(path))
        for batch in follower.new():
            for record in batch.parse()[0]:
                kind = record.get("kind")
                if kind == "progress":
                    self._take(job, record)
                elif kind in ("note", "failed"):
                    self.notes.append(f"{job}: {record.get('message', '')}")

    def _take(self, job: str, record: dict[str, object]) -> None:
        done, total = record.get("done"), record.get("total")
        if isinstance(done, int) and isinstance(total, int):
            self._progress[job] = Progress(done, total, str(record.get("what", "")))

    def _remember_newest(self, job: str, path: Path) -> None:
        try:
            changed = path.stat().st_mtime
        except OSError:
            return
        if self.newest_time is None or changed >= self.newest_time:
            self.newest, self.newest_time = job, changed


# For people, by the kind of state.
STATES = {
    "running": "at work",
    "waiting": "waiting",
    "stalled": "stalled",
    "gone": "cut off",
    "stopped": "stopped",
    "paused": "nobody at work",
    "finished": "done",
}
# Loading a full-size base, or writing its checkpoint to a slow disk, takes minutes without a record.
QUIET_SECONDS = 300.0


@dataclass(frozen=True)
class Facts:
    """What the state follows from.

    command, child   who holds the run's folder, as their records say; None where there is no record
    open_phase       a phase that began and has no closing record, '' for none
    closed           the closing record of the newest phase that has one
    newest_record    when anything was last written, in seconds since 1970; None: nothing was yet
    usual_pause      seconds between two records that are nothing unusual here
    decided          whether a decision was written after all phases
    untrained        phases that the decision waits for: they have not been trained yet
    """

    command: Holder | None
    child: Holder | None
    open_phase: str
    closed: Mapping[str, Any]
    newest_record: float | None
    usual_pause: float
    decided: bool
    untrained: tuple[str, ...] = ()


def state_of(facts: Facts, now: float) -> State:
    """The state at the moment `now`, in seconds since 1970."""
    there = [holder for holder in (facts.command, facts.child) if holder is not None]
    if any(holder.running for holder in there):
        return _at_work(facts, there, now)
    if there:
        return _gone(facts, there[0])
    if facts.newest_record is None:
        return State(
            "waiting",
            "nothing has been written yet; this view begins by itself once something is",
            f"Start the run: {command('', 'run_pipeline')}",
        )
    if facts.open_phase:
        return State(
            "gone",
            f"nobody is at work, and {facts.open_phase} has no closing record: it was cut off",
            "Start it again: it continues from its newest checkpoint.",
        )
    status = facts.closed.get("status")
    if status in ("failed", "interrupted"):
        return _stopped(facts.closed)
    if facts.untrained:
        words = f"nobody is at work; {' and '.join(facts.untrained)} {'has' if len(facts.untrained) == 1 else 'have'}"
        return State("paused", f"{words} not been trained yet", f"Continue: {command('', 'run_pipeline')}")
    if facts.decided:
        return State("finished", "everything that was asked for is done")
    return State("paused", "nobody is at work; what was asked for is done, but the config has more")


def _at_work(facts: Facts, there: list[Holder], now: float) -> State:
    quiet = 0.0 if facts.newest_record is None else max(0.0, now - facts.newest_record)
    if facts.newest_record is None or quiet <= max(QUIET_SECONDS, facts.usual_pause):
        return State("running", "at work")
    moment = datetime.fromtimestamp(facts.newest_record).astimezone().isoformat(sep=" ", timespec="seconds")
    holder = next(holder for holder in there if holder.running)
    if not holder.here:
        return State(
            "stalled",
            f"stalled since {moment}: no record came for {duration(quiet)}, and whether process {holder.pid} on "
            f"{holder.host} is still there cannot be told from here",
            f"Look on {holder.host} whether it is; if not, start it again: it continues from its newest checkpoint.",
        )
    return State(
        "stalled",
        f"stalled since {moment}: process {holder.pid} is there, but no record came for {duration(quiet)}",
        "See the newest file in logs/. A disk that does not answer or a machine without free memory does this; "
        "interrupt the run with Ctrl-C and start it again: it continues from its newest checkpoint.",
    )


def _gone(facts: Facts, holder: Holder) -> State:
    in_work = f" while {facts.open_phase} was trained" if facts.open_phase else ""
    return State(
        "gone",
        f"process {holder.pid}, at work since {holder.since}, is gone{in_work}: it was killed, or the machine went off",
        f"Start it again, it continues from its newest checkpoint: {holder.command}",
    )


def _stopped(closed: Mapping[str, Any]) -> State:
    reason = closed.get("reason")
    message = reason.get("message", "") if isinstance(reason, Mapping) else ""
    cure = " ".join(str(closed.get(key) or "") for key in ("advice", "command")).strip()
    return State("stopped", f"{closed.get('candidate', 'a phase')} {closed['status']}: {message}", cure)
