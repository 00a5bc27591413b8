"""A phase that is declared longer than it was trained: whether it can go on from its checkpoint, and at what rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from xtts_finetune.pipeline.plan.inputs import planned_phase
from xtts_finetune.pipeline.plan.stage_records import Inputs
from xtts_finetune.records.candidates.checkpoints import read_checkpoint_records
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.stopping import Reason
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec, Planned
from xtts_finetune.training.optimizing.course import course_of, factor

LENGTH = frozenset({"epochs", "steps"})
# What else may be declared otherwise for the rest of a phase: nothing that says which clips a step has.
OF_THE_REST = frozenset({"learning_rate", "weight_decay", "gradient_clip", "eval_every_steps"})
RULES, SCHEDULE = "stop_when.", "schedule."
# Rates that differ by less are the same to a reader.
SAME_RATE = 0.02


@dataclass(frozen=True)
class Length:
    """How long the phase is declared now, in steps; None while its clips are not counted."""

    declaration: Declaration
    run: RunFolder
    name: str

    @property
    def spec(self) -> PhaseSpec:
        """The phase as declared now."""
        return self.declaration.phases[self.name]

    def steps(self, spec: PhaseSpec | None = None) -> int | None:
        """Optimizer steps of the phase, or of another spec of it."""
        spec = spec or self.spec
        if spec.steps is not None:
            return spec.steps
        planned = self._planned(spec)
        return None if planned is None else planned.steps

    def epochs(self) -> float | None:
        """Passes over its clips, to a tenth; None while they are not counted and it is declared in steps."""
        planned = self._planned(self.spec)
        return self.spec.epochs if planned is None else round(planned.epochs, 1)

    def _planned(self, spec: PhaseSpec) -> Planned | None:
        phases = {**self.declaration.phases, self.name: spec}
        known = Declaration(**{**vars(self.declaration), "phases": phases})
        return planned_phase(known, self.run, self.name)


def continued_at(
    folder: CandidateFolder,
    length: Length,
    before: Inputs,
    now: Inputs,
    info: Mapping[str, Any] | None,
) -> int | None:
    """The step of the checkpoint from which the phase goes on under what is declared now; None where it begins anew.

    It goes on where its length was changed, or the rules that ended it; with that its learning rate, schedule and the
    like may change. Another learning rate alone is another try.
    """
    changed = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
    rules = {key for key in changed if key.startswith(RULES)}
    may = {key for key in changed if key in LENGTH | OF_THE_REST or key.startswith((RULES, SCHEDULE))}
    if changed - may or not _asks_for_more(changed & LENGTH, rules, info):
        return None
    steps = [record.step for record in read_checkpoint_records(folder) if record.resumes]
    at = max((step for step in steps if folder.checkpoint(step).is_file()), default=None)
    total = length.steps()
    if at is None or not (_longer(before, now, "epochs") if total is None else total > at):
        return None
    return at


def asks_in_vain(
    folder: CandidateFolder, length: Length, before: Inputs, now: Inputs, info: Mapping[str, Any] | None
) -> bool:
    """Whether the phase would go on if it had a checkpoint left."""
    changed = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
    total, done = length.steps(), (info or {}).get("steps")
    longer = isinstance(done, int) and total is not None and total > done
    return bool(changed & LENGTH) and longer and not folder.checkpoints()


def rate_words(length: Length, recorded: Mapping[str, Any], info: Mapping[str, Any] | None, at: int) -> str:
    """How the learning rate goes on at step `at`: as it was, or what it was and what it is from there on."""
    now, total = length.spec, length.steps()
    try:
        before = PhaseSpec.model_validate(recorded["declaration"])
    except (KeyError, ValidationError):
        return ""
    old_total = (info or {}).get("steps_planned") or length.steps(before)
    if total is None or not old_total:
        return ""
    if now.schedule.kind == before.schedule.kind == "reduce_on_plateau":
        return "the learning rate continues as its evaluations have lowered it"
    old, new = _rate(length, before, int(old_total), at - 1), _rate(length, now, total, at)
    if abs(new - old) <= SAME_RATE * max(new, old):
        return f"the learning rate continues at {new:.2g}"
    laid = "" if now.schedule.kind == "constant" else f": its schedule ({now.schedule.kind}) now covers {total} steps"
    return f"the learning rate does not continue where it was, at {old:.2g}, but at {new:.2g}{laid}"


def _rate(length: Length, spec: PhaseSpec, total: int, step: int) -> float:
    def steps_of(epochs: float) -> int:
        return length.steps(spec.model_copy(update={"epochs": epochs, "steps": None})) or 1

    return spec.learning_rate * factor(course_of(spec, total, steps_of), max(0, step))


def _asks_for_more(length: set[str], rules: set[str], info: Mapping[str, Any] | None) -> bool:
    if length:
        return True
    reason = ((info or {}).get("reason") or {}).get("name")
    return bool(rules) and (info or {}).get("status") == "done" and reason != Reason.ALL_STEPS_DONE.value


def _longer(before: Inputs, now: Inputs, key: str) -> bool:
    old, new = before.get(key), now.get(key)
    return isinstance(old, int | float) and isinstance(new, int | float) and new > old
