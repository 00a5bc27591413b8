"""`schedule`: how the learning rate moves from step to step, as declared; `training.optimizing.course` has formulas."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field

from xtts_finetune.spec.model import MOST_STEPS, Contradiction, PositiveFloat, Spec, Steps, number

ScheduleKind = Literal["constant", "linear", "cosine", "noam", "cosine_restarts", "multi_step", "reduce_on_plateau"]

ONE_UNIT = ConfigDict(json_schema_extra={"oneOf": [{"required": ["steps"]}, {"required": ["epochs"]}]})

# The keys that mean something to some kinds alone.
KINDS_OF = {
    "period": ("cosine_restarts",),
    "period_multiplier": ("cosine_restarts",),
    "milestones": ("multi_step",),
    "factor": ("multi_step", "reduce_on_plateau"),
    "patience": ("reduce_on_plateau",),
}
# What a kind cannot do without, and what for.
NEEDED = {
    "cosine_restarts": ("period", "how long the first cycle is: 'period: {steps: N}' or '{epochs: N}'"),
    "multi_step": ("milestones", "when it falls: 'milestones: {steps: [N, ...]}' or '{epochs: [N, ...]}'"),
    "noam": ("warmup_steps", "in how many steps it rises: 'warmup_steps: N'"),
}


class PeriodSpec(Spec):
    """A length of training."""

    model_config = ONE_UNIT

    steps: Steps | None = Field(None, description="In optimizer steps; or give 'epochs'.")
    epochs: PositiveFloat | None = Field(None, description="In passes over the clips; or give 'steps'.")

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        return _in_one_unit(given)


class MilestonesSpec(Spec):
    """Points of a phase, counted from its start."""

    model_config = ONE_UNIT

    steps: Annotated[tuple[Steps, ...], Field(min_length=1)] | None = Field(
        None, description="In optimizer steps, ascending; or give 'epochs'."
    )
    epochs: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] | None = Field(
        None, description="In passes over the clips, ascending; or give 'steps'."
    )

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        found = _in_one_unit(given)
        for key in ("steps", "epochs"):
            points = given.get(key)
            numbers = [number(point) for point in points] if isinstance(points, list | tuple) else []
            known = [point for point in numbers if point is not None]
            if any(later <= earlier for earlier, later in pairwise(known)):
                found.append(((key,), f"'{key}' must rise from one milestone to the next"))
        return found


class ScheduleSpec(Spec):
    """How the learning rate moves from step to step: a linear rise over the warm-up, then as its kind says."""

    kind: ScheduleKind = Field(
        "constant",
        description="Shape after the warm-up; 'noam' falls with 1 / sqrt(step), 'reduce_on_plateau' when the eval "
        "set's mel_ce no longer does.",
    )
    warmup_steps: Annotated[int, Field(ge=0, le=MOST_STEPS)] = Field(0, description="Steps of linear rise from zero.")
    minimum: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="Lowest value after the warm-up as a share of the learning rate."
    )
    minimum_learning_rate: PositiveFloat | None = Field(
        None, description="The same as a learning rate; or give 'minimum'."
    )
    period: PeriodSpec | None = Field(
        None, description="Length of the first cycle of 'cosine_restarts', after the warm-up."
    )
    period_multiplier: Annotated[float, Field(ge=1, le=100)] = Field(
        1.0, description="Each cycle of 'cosine_restarts' is this many times as long as the one before."
    )
    milestones: MilestonesSpec | None = Field(None, description="Where 'multi_step' falls.")
    factor: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="What 'multi_step' and 'reduce_on_plateau' multiply the learning rate with."
    )
    patience: Annotated[int, Field(ge=0, le=MOST_STEPS)] = Field(
        5,
        description="'reduce_on_plateau' waits for this many evaluations without a new best; at one more, it falls.",
    )

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        kind = given.get("kind")
        if kind not in get_args(ScheduleKind):
            return []
        found: list[Contradiction] = []
        for key, kinds in KINDS_OF.items():
            if given.get(key) != cls.model_fields[key].default and kind not in kinds:
                found.append(((key, "kind"), f"'{key}' belongs to {' and '.join(kinds)}, not to '{kind}'"))
        needed, words = NEEDED.get(str(kind), ("", ""))
        if needed and not given.get(needed):
            found.append((("kind",), f"'{kind}' needs to know {words}"))
        if given.get("minimum") and given.get("minimum_learning_rate") is not None:
            message = "'minimum' and 'minimum_learning_rate' are both given; keep one of them"
            found.append((("minimum", "minimum_learning_rate"), message))
        return found


def _in_one_unit(given: Mapping[str, Any]) -> list[Contradiction]:
    """Steps or epochs, one of them."""
    there = [key for key in ("steps", "epochs") if given.get(key) is not None]
    if len(there) == 1:
        return []
    return [(tuple(there), "give 'steps' or 'epochs', one of them")]
