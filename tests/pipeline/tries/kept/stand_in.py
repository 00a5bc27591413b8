"""Trainings and other jobs in this process, in no time: they write the files of real ones, of the sizes that plans say.

A child of the pipeline is replaced by a function call, and a kill by an exception that comes at a chosen change of the
disk: whatever is there then is what a process would have left that was killed at that moment.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.pipeline import fake_child
from tests.pipeline.project import Project
from xtts_finetune.pipeline import run
from xtts_finetune.pipeline.children import jobs
from xtts_finetune.pipeline.children.process import ChildEnd
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.phase import phases
from xtts_finetune.pipeline.plan import disk, plan
from xtts_finetune.pipeline.plan.checks import preflight
from xtts_finetune.records.atomic import link_or_copy
from xtts_finetune.records.candidates.checkpoints import (
    CheckpointRecord,
    checkpoints_that_stay,
    read_checkpoint_records,
    remove_checkpoint,
    sweep_checkpoints,
    write_checkpoint_record,
)
from xtts_finetune.records.job import Job
from xtts_finetune.records.metrics import MetricsWriter, keep_metrics_until, read_metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.sources import kept_steps
from xtts_finetune.training.closing import close_phase

MADE = itertools.count()  # no two models are the same
HIFIGAN = 1_000  # bytes, in place of 100 MB: the files of these trainings have kilobytes


class Killed(BaseException):
    """The process is killed here."""


@dataclass
class Ending:
    """How the next command goes.

    trained  evaluations that each phase takes before Ctrl-C comes; None: until it is done
    killed   at which change of the disk the command is killed; None: at none
    curve    mel_ce of each evaluation of a training, the first one at its start
    """

    trained: int | None = None
    killed: int | None = None
    curve: Sequence[float] = (4.0, 3.5, 3.2, 3.3)


@dataclass
class StandIn:
    """Runs commands of a project with stand-ins for its children, and keeps watch over the disk."""

    project: Project
    ending: Ending = field(default_factory=Ending)
    most_used: int = 0
    _left: int | None = None

    @contextlib.contextmanager
    def at_work(self, ending: Ending) -> Iterator[None]:
        """Commands inside run with stand-ins, and end as they are told."""
        self.ending, self._left, self.most_used = ending, ending.killed, self.used()
        with contextlib.ExitStack() as stack:
            for module in (phases, jobs):
                stack.enter_context(patch.object(module, "run_child", self._run_child))
            stack.enter_context(patch.object(disk, "HIFIGAN_BYTES", HIFIGAN))
            stack.enter_context(patch.object(preflight, "quick_checks", lambda *_: []))
            stack.enter_context(patch.object(plan, "_scored", lambda *_: True))
            stack.enter_context(patch.object(run, "write_report", lambda _, folder: folder.report.touch()))
            for owner, name in ((os, "replace"), (os, "rename"), (os, "unlink"), (os, "link"), (shutil, "rmtree"),
                                (Path, "replace"), (Path, "rename"), (Path, "unlink")):  # fmt: skip
                stack.enter_context(patch.object(owner, name, self._counted(getattr(owner, name))))
            stack.enter_context(patch("os.fsync", lambda _: None))
            yield

    def work(self, overrides: Sequence[str]) -> Work:
        work = self.project.work(*overrides)
        return Work(work.declaration, work.overrides, "cpu", work.console, "run_pipeline", lambda *words: [*words])

    def used(self) -> int:
        """Bytes of all models and checkpoints of the run, those that are being written too."""
        sizes: dict[tuple[int, int], int] = {}
        for folder, _, files in os.walk(self.project.run_folder.root):
            for name in files:
                if ".pth" in name:
                    found = Path(folder, name).stat()
                    sizes[found.st_dev, found.st_ino] = found.st_size
        return sum(sizes.values())

    def look(self) -> None:
        self.most_used = max(self.most_used, self.used())

    def _counted(self, change: Callable[..., Any]) -> Callable[..., Any]:
        """The change of the disk, after which or before which the command may be killed."""

        def counted(*arguments: Any, **keywords: Any) -> Any:
            if self._left is not None:
                self._left -= 1
                if self._left == 0:
                    raise Killed
            return change(*arguments, **keywords)

        return counted

    def _run_child(self, command: Sequence[Any], log: Path, watch: Any, *_: Any) -> ChildEnd:
        _, arguments = command
        job = Job.read(Path(arguments[-1]))
        declaration = load_declaration(job.declaration_file, job.overrides, job.run_folder)
        if job.phase:
            return self._train(declaration, job)
        for kind in arguments[:-1]:
            fake_child.KINDS[kind](declaration, job)
        return ChildEnd(0, "")

    def _train(self, declaration: Declaration, job: Job) -> ChildEnd:
        """A phase of as many evaluations as the curve has; the last one is at its last step."""
        name, folder = job.phase, job.run.candidate(job.phase)
        phase = declaration.phases[name]
        sweep_checkpoints(folder)
        total = phase.steps or int((phase.epochs or 1) * 10)
        records = [record for record in read_checkpoint_records(folder) if record.resumes]
        begun = records[-1].step if records else 0
        keep_metrics_until(folder.metrics, begun if records else -1)
        points = max(2, len(self.ending.curve))
        steps = [round(begun + (total - begun) * point / (points - 1)) for point in range(points)]
        needed = [kept.step for kept in kept_steps(declaration, name)]
        stop, status = Stop(Reason.ALL_STEPS_DONE, f"all {total} steps are done"), 0
        known = {record.step for record in read_metrics(folder.metrics).evals}
        for number, (step, mel_ce) in enumerate(zip(steps, self.ending.curve, strict=False)):
            if step not in known:
                self._evaluate(folder, job, step, mel_ce)
            wanted = [each for each in needed if begun < each <= step and each not in folder.recorded_steps()]
            for saved in [*wanted, step] if number else []:
                self._save(folder, phase, saved, needed)
            if self.ending.trained is not None and number >= self.ending.trained and step < total:
                stop, status = Stop(Reason.INTERRUPTED, "interrupted by the user"), 130
                break
        if status == 0:
            best = read_metrics(folder.metrics).best
            for other, path in folder.best_models():
                if best is None or other != best.step:
                    path.unlink()
        close_phase(declaration, job, stop)
        return ChildEnd(status, "", interrupted=status == 130)

    def _evaluate(self, folder: Any, job: Job, step: int, mel_ce: float) -> None:
        evals = read_metrics(folder.metrics).evals
        with MetricsWriter(folder.metrics) as metrics:
            metrics.write(fake_child.evaluation(step, mel_ce))
        if evals and mel_ce >= min(record.mel_ce for record in evals):
            return
        self._write(folder.best_model_of(step), f"{job.fingerprint} {step} {next(MADE)} ", self.sizes.model)
        link_or_copy(folder.best_model_of(step), folder.best_model)
        self.look()
        for other, path in folder.best_models():
            if other != step:
                path.unlink()

    def _save(self, folder: Any, phase: Any, step: int, needed: Sequence[int]) -> None:
        if step in folder.recorded_steps():
            return
        self._write(folder.checkpoint(step), f"{step} ", self.sizes.checkpoint)
        write_checkpoint_record(folder, CheckpointRecord(step, self.sizes.checkpoint, 0, True, True))
        records = read_checkpoint_records(folder)
        stay = {record.step for record in checkpoints_that_stay(records, phase.keep.checkpoints, ())}
        for record in records:
            if record.step in stay:
                continue
            if record.step not in needed:
                remove_checkpoint(folder, record.step)
            elif record.resumes:
                self._write(folder.checkpoint(record.step), f"{step} ", self.sizes.gpt)
                slim = CheckpointRecord(record.step, self.sizes.gpt, 0, False, record.regular)
                write_checkpoint_record(folder, slim)

    def _write(self, path: Path, begins: str, size: int) -> None:
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_bytes(begins.encode().ljust(size, b"."))
        self.look()
        Path(temporary).replace(path)

    @property
    def sizes(self) -> disk.TrainedSizes:
        """Those that a plan of the project counts with."""
        with patch.object(disk, "HIFIGAN_BYTES", HIFIGAN):
            model = disk.weights_bytes(self.project.folder / "base" / "model.pth")
            return disk.trained_sizes(model, {}, "all")
