"""One run, watched: everything that a view shows, from its records and this machine's disk and memory."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xtts_finetune.monitor.candidate import CandidateWatch, seconds_left
from xtts_finetune.monitor.remembered import RememberedFile
from xtts_finetune.monitor.review import review_of
from xtts_finetune.monitor.seen import DEFAULTS, Limits, Seen, declared_rise, goal_of
from xtts_finetune.monitor.state import Facts, Jobs, state_of
from xtts_finetune.monitor.view import (
    BestModel,
    Candidate,
    Curves,
    Finding,
    Machine,
    Run,
    State,
    Throughput,
    Warned,
    Work,
)
from xtts_finetune.monitor.warnings import gauges_of, warnings_of
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.atomic import UNREADABLE
from xtts_finetune.records.holders import Holder, read_holder
from xtts_finetune.records.run_folder import CHILD_LOCK, COMMAND_LOCK, RunFolder
from xtts_finetune.records.verdict import Verdict, read_verdict


def machine_of(folder: Path, worker: Holder | None) -> Machine:
    """What is free now. `worker` is the process that trains: its memory can be told if it is one of this machine."""
    import psutil  # noqa: PLC0415  (25 ms that --help need not pay)

    try:
        disk = shutil.disk_usage(folder)
        free, total = disk.free, disk.total
    except OSError:
        free = total = None  # type: ignore[assignment]
    memory = psutil.virtual_memory()
    process = None
    if worker is not None and worker.here and worker.running:
        try:
            process = int(psutil.Process(worker.pid).memory_info().rss)
        except psutil.Error:
            process = None
    used = memory.total - memory.available
    return Machine(_rounded(free), total, _rounded(used), memory.total, _rounded(process))


def _rounded(size: int | None) -> int | None:
    """To a tenth of a gigabyte: what flickers below that is no news."""
    return None if size is None else round(size / 1e8) * 100_000_000


class RunWatch:
    """Follows one run's folder, which need not be there yet; nothing is ever written into it."""

    def __init__(self, folder: Path, limits: Limits = DEFAULTS) -> None:
        self.run = RunFolder(folder)
        self.watched: dict[str, CandidateWatch] = {}
        self._limits = limits
        self._jobs = Jobs(self.run)
        self._data = RememberedFile(self.run.data_info)
        self._decision = RememberedFile(self.run.decision)

    def look(self) -> Run:
        """Read what is new, and tell all that is known."""
        for name in self._found():
            self.watched.setdefault(name, CandidateWatch(self.run.candidate(name)))
        for watch in self.watched.values():
            watch.look()
        self._jobs.look()
        ordered = self._ordered()
        current = next((watch for watch in reversed(ordered) if watch.trained and watch.history.version), None)
        candidates = tuple(watch.view(self._data.read()) for watch in ordered)
        newest = self._newest_record()
        command, child = read_holder(self.run.root, COMMAND_LOCK), read_holder(self.run.root, CHILD_LOCK)
        state = self._state(ordered, newest)
        machine = machine_of(self.run.root, child or command)
        seen = self._seen(current, machine.disk_free)
        return Run(
            name=self.run.root.name,
            folder=str(self.run.root),
            state=state,
            work=self._work(state),
            candidates=candidates,
            gauges=gauges_of(seen, self._limits),
            warnings=tuple(self._warnings(seen, current)),
            review=self._review(ordered),
            throughput=_throughput(current),
            machine=machine,
            decision=self._verdict(),
            notes=tuple(self._jobs.notes),
            newest_record=newest,
            best=self._best(candidates),
        )

    def curves(self, name: str) -> Curves:
        """The curves of a candidate that was looked at."""
        return self.watched[name].curves()

    def _found(self) -> list[str]:
        return [folder.name for folder in self.run.tried_candidates()]

    def _ordered(self) -> list[CandidateWatch]:
        """The base, then the phases as they were started, then what was made of them."""
        # A folder that was taken away (a run started afresh) is no candidate any more.
        self.watched = {name: watch for name, watch in self.watched.items() if watch.folder.path.is_dir()}
        return sorted(
            self.watched.values(),
            key=lambda watch: (watch.name != BASE, not watch.started, watch.started, watch.name),
        )

    def _state(self, ordered: list[CandidateWatch], newest: float | None) -> State:
        trained = [watch for watch in ordered if watch.declaration or watch.history.version]
        open_phase = next((watch.name for watch in reversed(trained) if watch.open), "")
        closed = next((watch.info for watch in reversed(trained) if watch.info), {})
        slowest = max(
            (
                max(20 * record.seconds, 3 * record.load_seconds)
                for watch in trained
                for record in list(watch.history.steps)[-20:]
                if math.isfinite(record.seconds + record.load_seconds)
            ),
            default=0.0,
        )
        facts = Facts(
            command=read_holder(self.run.root, COMMAND_LOCK),
            child=read_holder(self.run.root, CHILD_LOCK),
            open_phase=open_phase,
            closed=closed,
            newest_record=newest,
            usual_pause=slowest,
            decided=bool(self._decision.read()),
            untrained=self._untrained(),
        )
        return state_of(facts, time.time())

    def _untrained(self) -> tuple[str, ...]:
        """The phases that the decision has no model of, and that have no folder by now."""
        decision = self._decision.read()
        phases = (decision.get("inputs") or {}).get("phases") or []
        waiting = [one.get("name") for one in decision.get("candidates") or [] if one.get("mel_ce") is None]
        return tuple(name for name in phases if name in waiting and name not in self.watched)

    def _newest_record(self) -> float | None:
        """When anything that a run writes as it goes along was last written."""
        files = [watch.folder.metrics for watch in self.watched.values()]
        files += [watch.folder.model_info for watch in self.watched.values()]
        files += [self.run.data_info, self.run.decision]
        files += list(self.run.logs.iterdir()) if self.run.logs.is_dir() else []
        found = []
        for file in files:
            try:
                found.append(file.stat().st_mtime)
            except OSError:
                continue
        return max(found, default=None)

    def _work(self, state: State) -> Work | None:
        """The newest job, while the run goes on or was cut off in it."""
        if state.kind not in ("running", "stalled", "gone"):
            return None
        job = self._jobs.newest
        watch = self.watched.get(job)
        if watch is not None and watch.declaration and watch.open:
            planned = watch.planned(self._data.read())
            left = seconds_left(planned, watch.declaration, watch.history)
            going = state.kind == "running"
            return Work(job, "training", watch.history.last_step, planned, left if going else None)
        progress = self._jobs.progress(job)
        if progress is None:
            return Work(job, "starting", 0, None) if job else None
        return Work(job, progress.what, progress.done, progress.total or None)

    def _seen(self, current: CandidateWatch | None, free: int | None) -> Seen:
        if current is None:
            return Seen(free=free)
        history = current.history
        rate = current.declaration.get("learning_rate")
        return Seen(
            evals=tuple(history.evals),
            best=history.best,
            epochs=tuple(history.whole_epochs),
            steps=tuple(history.steps),
            learning_rate=float(rate) if isinstance(rate, int | float) else 0.0,
            goal=goal_of(current.declaration.get("success"), history.initial),
            least_rise=declared_rise(current.declaration.get("stop_when")),
            free=free,
            needed=_size_of_models(current) if current.open else None,
        )

    def _warnings(self, seen: Seen, current: CandidateWatch | None) -> list[Warned]:
        name = "" if current is None else current.name
        found = [Warned(one.name, one.title, one.found, one.cure, name) for one in warnings_of(seen, self._limits)]
        damaged = sum(watch.history.damaged for watch in self.watched.values())
        if damaged:
            cure = "They are left out here; a run that continues in this folder names the line to remove."
            found.append(Warned("damaged", "Records cannot be read", f"{damaged} lines of metrics.jsonl", cure))
        return found

    def _review(self, ordered: list[CandidateWatch]) -> tuple[Finding, ...]:
        """What is unusual, said once where it is the same in several phases."""
        phases: dict[Finding, list[str]] = {}
        for watch in ordered:
            if watch.declaration:
                for one in review_of("", watch.declaration, self._data.read(), watch.model):
                    phases.setdefault(one, []).append(watch.name)
        return tuple(replace(one, phase=", ".join(names)) for one, names in phases.items())

    def _best(self, candidates: Sequence[Candidate]) -> BestModel | None:
        decision = self._decision.read()
        chosen = decision.get("ship") or decision.get("meanwhile")
        known = [
            BestModel(one.name, one.name == decision.get("ship"), one.trained, one.best)
            for one in candidates
            if one.best is not None and one.best.mel_ce is not None and (one.name != BASE or one.name == chosen)
        ]
        return min(known, key=lambda one: (one.name != chosen, one.evaluation.mel_ce or 0.0), default=None)

    def _verdict(self) -> Verdict | None:
        decision = self._decision.read()
        try:
            return read_verdict(decision) if decision else None
        except UNREADABLE:
            return None  # damaged: the commands that need it complain


def _throughput(watch: CandidateWatch | None) -> Throughput | None:
    steps = [] if watch is None else [r for r in watch.history.steps if math.isfinite(r.seconds + r.load_seconds)]
    seconds = math.fsum(record.seconds for record in steps)
    if not steps or seconds <= 0:
        return None
    loading = math.fsum(record.load_seconds for record in steps)
    clips = sum(record.clips for record in steps)
    return Throughput(seconds / len(steps), clips / seconds, min(1.0, loading / seconds))


def _size_of_models(watch: CandidateWatch) -> int | None:
    """Bytes of the phase's newest checkpoint with its best model; None before there is one."""
    files = [path for _, path in watch.folder.checkpoint_files()[-1:]] + [watch.folder.best_model]
    try:
        return sum(file.stat().st_size for file in files)
    except OSError:
        return None
