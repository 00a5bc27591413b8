"""What a command hands to its work: the declaration as asked for, the device, the terminal, what to type next."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from xtts_finetune.look.commands import named_as_in_docs
from xtts_finetune.pipeline.children.python import python_module
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.job import Job
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration

_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")


def next_commands(work: Work, phase: str) -> dict[str, str]:
    """Command lines for the records of a phase, options as here.

    'again' continues with what this command does. 'go_on' is what comes after the phase: the phases that are not
    trained yet, or after the last one the listening test.
    """
    phases = work.declaration.pipeline.phases
    words = [word for word in _WORD.findall(work.again) if word not in phases]
    trained = {name for name in phases if (read_model_info(work.run.candidate(name)) or {}).get("status") == "done"}
    last = trained | {phase} >= set(phases)
    return {"again": work.again, "go_on": verb(work, "listen") if last else " ".join(words)}


def verb(work: Work, words: str, without: Collection[str] = ()) -> str:
    """`xtts-finetune WORDS` for the declaration of this command: with the options that named it, and its overrides.

    `run` is called run_pipeline, as everywhere. Overrides of the keys in `without` are left out.
    """
    typed = _WORD.findall(work.again)
    kept = []
    for word, value in zip(typed, [*typed[1:], ""], strict=True):
        setting = value if word == "--set" else word.removeprefix("--set=")
        if setting.strip("'\"").partition("=")[0] in without:
            continue
        if word in ("-f", "--file", "--set"):
            kept += [word, value]
        elif word == "--demo" or word.startswith(("--file=", "--set=")) or (word[:2] == "-f" and len(word) > 2):
            kept.append(word)
    return " ".join([named_as_in_docs(words), *kept])


# Builds the command line of a child from its module and arguments; tests put other children here.
ChildCommand = Callable[[str, Sequence[str]], list[str]]

TRAINING = "xtts_finetune.pipeline.phase.child"
TOGETHER = "xtts_finetune.pipeline.phase.launch"
JOB = "xtts_finetune.pipeline.job"
SHIPPING = "xtts_finetune.shipping.child"


def python_child(module: str, arguments: Sequence[str]) -> list[str]:
    """A child in this Python, inside the frame that watches over it."""
    return python_module("xtts_finetune.pipeline.children.child", [module, *arguments])


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

    def job(self, events: Path) -> Job:
        """What every child of this command is told; it says how far it is in the file `events`."""
        return Job(
            declaration_file=self.declaration.file,
            overrides=self.overrides,
            run_folder=self.run.root,
            data_folder=self.run.data_root,
            device=self.device,
            events=events,
        )

    def say(self, text: str, style: str | None = None) -> None:
        """Print a line for people; it is never wrapped, so that paths can be copied."""
        self.console.print(text, style=style, highlight=False, soft_wrap=True, markup=False)
