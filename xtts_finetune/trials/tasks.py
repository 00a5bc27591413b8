"""A task: a trial to be brought to a step, in words that any machine with the run's folder understands."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.stage_records import hash_of
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.trials.trials import Trial


@dataclass(frozen=True)
class Task:
    """What a worker does next.

    folder, checkpoint  relative to the run's folder, which machines may have in different places
    overrides           those of the command that asks for it: they are part of what is declared
    """

    name: str
    folder: str
    phase: Mapping[str, Any]
    checkpoint: str | None
    optimizer: Literal["keep", "reset"]
    to_step: int
    overrides: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Tells it from every other task of the run; the same whenever it is asked for."""
        return hash_of(self.to_json())

    def __str__(self) -> str:
        return f"{self.name} to step {self.to_step}"

    def trial(self, run: RunFolder) -> Trial:
        """The trial as this machine has it."""
        checkpoint = None if self.checkpoint is None else run.root / self.checkpoint
        return Trial(self.name, run.root / self.folder, self.phase, checkpoint, self.optimizer)

    def to_json(self) -> dict[str, Any]:
        """As the ledger holds it."""
        return asdict(self)


def task_of(work: Work, trial: Trial, to_step: int) -> Task:
    """The task of bringing a trial of this run to a step."""

    def relative(path: Path) -> str:
        return Path(os.path.relpath(path, work.run.root)).as_posix()

    checkpoint = None if trial.checkpoint is None else relative(trial.checkpoint)
    return Task(
        name=trial.name,
        folder=relative(trial.folder),
        phase=trial.phase,
        checkpoint=checkpoint,
        optimizer=trial.optimizer,
        to_step=to_step,
        overrides=work.overrides,
    )


def read_task(content: Mapping[str, Any]) -> Task:
    """A task back from the ledger. Raises KeyError or TypeError for what is none."""
    return Task(**{**content, "overrides": tuple(content["overrides"])})
