"""A plan's words: its stages, and the state of each beside what it was last done from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from xtts_finetune.pipeline.plan.disk import DiskUse, PlannedDisk, planned_disk
from xtts_finetune.pipeline.plan.stage_records import Inputs, differences, read_stage
from xtts_finetune.records.candidates.tries import EarlierTry
from xtts_finetune.records.pace import Length
from xtts_finetune.records.run_folder import RunFolder


def compare(before: Inputs | None, now: Inputs) -> tuple[State, str]:
    """The state of a stage that was last done from `before`, None for never, and what changed in words."""
    if before is None:
        return State.TO_RUN, "not done yet"
    changes = differences(before, now)
    return (State.STALE, compared(changes)) if changes else (State.UP_TO_DATE, "")


def after(kind: Kind, name: str, candidate: str, run: RunFolder, before: str, certain: bool = False) -> Stage:
    """A stage that reads what another one makes first; `certain` if that is sure to be something else."""
    if read_stage(run, name) is None:
        return Stage(kind, name, State.TO_RUN, f"after {before}", candidate=candidate)
    if certain:
        return Stage(kind, name, State.STALE, f"after {before}", candidate=candidate)
    why = f"after {before}, if that changes anything"
    return Stage(kind, name, State.STALE, why, certain=False, candidate=candidate)


Kind = Literal["data", "base", "phase", "candidate", "utterances", "decision", "report"]


class State(str, Enum):
    """What the next command has to do for a stage."""

    UP_TO_DATE = "up to date"
    STALE = "stale"
    TO_RUN = "to run"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Stage:
    """One piece of work, in the state that the run's folder shows.

    `why` says in words which inputs changed, or how far the work has come. A stage that reads what is made
    anew before it is not `certain`: when that comes out as it was, the stage stays up to date. `inputs` is
    what it would be done from now; they are whole once nothing before the stage is due. `trains` says in words
    what of the model a phase changes. `brings_back`, `continued` and `note`: see `phase_standing.Standing`.
    """

    kind: Kind
    name: str
    state: State
    why: str = ""
    certain: bool = True
    candidate: str = ""
    inputs: Inputs = field(default_factory=dict)
    steps: int | None = None
    epochs: float | None = None
    resumes_at: int | None = None
    trains: str = ""
    brings_back: EarlierTry | None = None
    continued: bool = False
    note: str = ""
    disk: DiskUse = field(default_factory=DiskUse)
    eval_every: int | None = None
    speak_every_evals: int | None = None

    @property
    def title(self) -> str:
        """Its name for people, who know a candidate's utterances as its samples."""
        return f"{self.candidate} samples" if self.kind == "utterances" else self.name

    @property
    def length(self) -> Length:
        """How long a phase is, for telling what is left of it."""
        return Length(self.steps, self.eval_every, self.speak_every_evals)

    @property
    def made_otherwise(self) -> bool:
        """Whether what is there is sure to be of another declaration than today's."""
        stale = self.state is State.STALE and self.certain
        return stale or self.state is State.LEFT_OUT or self.continued or self.brings_back is not None

    @property
    def due(self) -> bool:
        """Whether there is work to do."""
        return self.state not in (State.UP_TO_DATE, State.LEFT_OUT)


@dataclass(frozen=True)
class Plan:
    """The stages in the order they run, what those that are due do to a disk with so many free bytes, earlier tries."""

    stages: tuple[Stage, ...]
    disk_free: int = 0
    earlier: tuple[EarlierTry, ...] = ()

    @property
    def due(self) -> tuple[Stage, ...]:
        """The stages with work to do, in their order."""
        return tuple(stage for stage in self.stages if stage.due)

    @property
    def disk(self) -> PlannedDisk:
        """What the due stages do to the disk."""
        return planned_disk([stage.disk for stage in self.due], self.disk_free)

    def stage(self, name: str) -> Stage:
        """The stage of this name. Raises KeyError when the plan has none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)


def compared(changes: Sequence[str]) -> str:
    """Changes as one line, at most three of them."""
    shown = "; ".join(changes[:3])
    return shown if len(changes) <= 3 else f"{shown}; and {len(changes) - 3} more"
