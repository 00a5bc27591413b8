"""The state of a stage: beside what it was last done from, or after a stage that comes first."""

from __future__ import annotations

from xtts_finetune.pipeline.plan.fingerprints import Inputs, differences
from xtts_finetune.pipeline.plan.stage_records import read_stage
from xtts_finetune.pipeline.plan.stages import Kind, Stage, State, compared
from xtts_finetune.records.run_folder import RunFolder


def compare(before: Inputs | None, now: Inputs) -> tuple[State, str]:
    """The state of a stage that was last done from `before`, None for never, and what changed in words."""
    if before is None:
        return State.TO_RUN, ""
    changes = differences(before, now)
    return (State.STALE, compared(changes)) if changes else (State.UP_TO_DATE, "")


def after(kind: Kind, name: str, candidate: str, run: RunFolder, before: str, certain: bool = False) -> Stage:
    """A stage that reads what another one makes first; `certain` if that is sure to be something else."""
    if read_stage(run, name) is None:
        return Stage(kind, name, State.TO_RUN, f"after {before}", candidate=candidate)
    if certain:
        return Stage(kind, name, State.STALE, f"after {before}", candidate=candidate)
    why = f"after {before}, unless that changes nothing"
    return Stage(kind, name, State.STALE, why, certain=False, candidate=candidate)
