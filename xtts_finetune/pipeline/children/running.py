"""What the commands hand to the work: the declaration as asked for, the device, the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration

# Builds the command line of a child from its module and arguments; tests put other children here.
ChildCommand = Callable[[str, Sequence[str]], list[str]]

TRAINING = "xtts_finetune.pipeline.phase.child"
TOGETHER = "xtts_finetune.pipeline.phase.launch"
JOB = "xtts_finetune.pipeline.job"
SHIPPING = "xtts_finetune.shipping.child"


def python_child(module: str, arguments: Sequence[str]) -> list[str]:
    """A child in this Python, inside the frame that watches over it."""
    return [sys.executable, "-m", "xtts_finetune.pipeline.children.child", module, *arguments]


JOIN_SECONDS = 600


@dataclass(frozen=True)
class Machines:
    """So many machines that meet at `host` and `port`. One of them leads: it has the run's folder, and rank 0."""

    count: int
    host: str
    port: int
    leads: bool
    join_seconds: int = JOIN_SECONDS


@dataclass(frozen=True)
class Work:
    """One command's work. `again` is the command line that goes on after an interruption.

    `data` is the folder of another run whose clips and eval set this one uses; None: it has its own. `machines`
    are those that train phases together; None: this one alone.
    """

    declaration: Declaration
    overrides: tuple[str, ...]
    device: str
    console: Console
    again: str
    child_command: ChildCommand = python_child
    data: Path | None = None
    machines: Machines | None = None

    @property
    def run(self) -> RunFolder:
        """The run's folder."""
        return RunFolder(self.declaration.run_folder, self.data)

    def job_file(self, job: str, **more: object) -> Path:
        """Write down what a child needs to know and return the file."""
        file = self.run.logs / f"{job}.job.json"
        what = {
            "declaration_file": str(self.declaration.file),
            "overrides": list(self.overrides),
            "run_folder": str(self.run.root),
            "data_folder": str(self.run.data_root),
            "device": self.device,
            "events": str(self.run.job_events(job)),
            **more,
        }
        write_json_atomic(file, what)
        return file

    def say(self, text: str, style: str | None = None) -> None:
        """Print a line for people; it is never wrapped, so that paths can be copied."""
        self.console.print(text, style=style, highlight=False, soft_wrap=True, markup=False)
