"""`stop_when`: the rules that may end a phase early; `success`: the levels of quality that it may reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from xtts_finetune.spec.model import Contradiction, PositiveFloat, Spec


class SuccessGoal(Spec):
    """A goal: limits that the phase's best evaluation must stay below to reach it."""

    mel_ce: PositiveFloat | None = Field(None, description="mel_ce must be below this (nats).")
    mel_ce_of_start: PositiveFloat | None = Field(
        None, description="mel_ce must be below this share of the value at the phase's start."
    )
    text_ce: PositiveFloat | None = Field(None, description="text_ce must be below this (0.01 x nats).")
    quality: Annotated[float, Field(ge=0, le=10)] | None = Field(
        None, description="Score out of 10 that listeners must give at least."
    )
    no_overfitting: bool = Field(False, description="The rule 'overfitting' must not have stopped the phase.")


Metric = Literal["mel_ce", "text_ce", "stop_ce"]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Factor = Annotated[float, Field(gt=1)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]


class TextCeAbove(Spec):
    """Stop when text_ce rises above a limit, given as a value or as a multiple of its value at the phase's start.

    Where both are given, the larger one counts.

    Use it always: it notices a model that loses the text.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["limit"]}, {"required": ["of_start"]}]})

    rule: Literal["text_ce_above"]
    limit: Positive | None = Field(None, description="Limit in Coqui's unit (0.01 x nats).")
    of_start: Positive | None = Field(None, description="Limit as a multiple of the value at the phase's start.")

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        if given.get("limit") is None and given.get("of_start") is None:
            message = "text_ce_above needs 'limit' (0.01 x nats), 'of_start' (a multiple of the start), or both"
            return [((), message)]
        return []


class NoImprovement(Spec):
    """Stop when a metric has not fallen for a number of steps, or of evaluations.

    Where both smallest changes are given, the larger one counts.

    Use it always: it ends a plateau.
    """

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["steps", "evals"]}})

    rule: Literal["no_improvement"]
    metric: Metric = Field("mel_ce", description="Which metric must fall.")
    steps: Count | None = Field(None, description="Optimizer steps to wait; 500 where 'evals' is not given either.")
    evals: Count | None = Field(None, description="Evaluations to wait; or give 'steps'.")
    min_change: NotNegative = Field(0.0, description="A smaller fall does not count; small ones add up until they do.")
    min_change_of_start: NotNegative = Field(0.0, description="A share of the value at the phase's start: 0.01 is 1 %.")

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        if given.get("steps") is not None and given.get("evals") is not None:
            return [(("steps", "evals"), "'steps' and 'evals' are both given; keep one of them")]
        return []


class Overfitting(Spec):
    """Stop when the eval loss rises while the training loss falls, over a number of evaluations.

    Use it always: XTTS overfits soon on little data.
    """

    rule: Literal["overfitting"]
    evals: Annotated[int, Field(ge=2, le=100_000_000)] = Field(
        3, description="Evaluations since the smoothed eval mel_ce was lowest, at least."
    )
    smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.5, description="Share of the past in the smoothed curves; 0: not smoothed."
    )
    min_rise: NotNegative = Field(0.0, description="A smaller rise does not count (nats).")


class NotFinite(Spec):
    """Stop when a loss is NaN or infinite.

    It is always on; list it only to change its number.
    """

    rule: Literal["not_finite"]
    steps: Count = Field(
        1, description="Training losses in a row that must be NaN or infinite; of evaluations one is enough."
    )


class Exploding(Spec):
    """Stop when the gradient, the loss or an evaluation jumps far above what it was lately.

    Use it with a learning rate that you have not tried before.
    """

    rule: Literal["exploding"]
    grad_norm: Factor | None = Field(
        10.0, description="Gradient norm, as a multiple of its recent median; null: not watched."
    )
    loss: Factor | None = Field(
        2.0, description="Training loss, as a multiple of its recent median; null: not watched."
    )
    mel_ce: Factor | None = Field(
        1.3, description="An evaluation's mel_ce, as a multiple of the recent ones; null: not watched."
    )
    of_start: Factor | None = Field(
        None, description="An evaluation's mel_ce, as a multiple of the phase's start; null: not watched."
    )
    window: Count = Field(50, description="Steps whose median says what is usual.")
    steps: Count = Field(3, description="Steps in a row that must be above it.")

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        limits = ("grad_norm", "loss", "mel_ce", "of_start")
        if all(given.get(key) is None for key in limits):
            return [((), f"exploding has nothing to watch: give at least one of {', '.join(limits)}")]
        return []


class NoOp(Spec):
    """Stop when no weight changes.

    It is always on; list it only to change its number.
    """

    rule: Literal["no_op"]
    steps: Count = Field(50, description="Optimizer steps that must have changed nothing.")


class QualityFalling(Spec):
    """Stop when fewer of the sentences that are spoken in between are sound.

    Use it in long phases, with utterances_every_evals, which it needs.
    """

    rule: Literal["quality_falling"]
    evals: Count = Field(3, description="Checks in a row.")
    drop: Annotated[float, Field(gt=0, le=1)] = Field(
        0.2, description="How far below the best share of sound samples each must be."
    )


class TimeLimit(Spec):
    """Stop after a number of hours of work; the time before an interruption counts, the pause does not.

    Use it when the machine is needed in the morning.
    """

    rule: Literal["time_limit"]
    hours: Positive = Field(description="Hours of training, evaluating and speaking.")


class TargetReached(Spec):
    """Stop when a metric is below a limit, given as a value or as a share of its value at the phase's start.

    Where both are given, the smaller one counts.

    Use it when a known value is good enough.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["below"]}, {"required": ["of_start"]}]})

    rule: Literal["target_reached"]
    metric: Metric = Field("mel_ce", description="Which metric must fall.")
    below: Positive | None = Field(None, description="The phase ends below this, in the metric's unit.")
    of_start: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="The same as a share of the value at the phase's start."
    )

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        if given.get("below") is None and given.get("of_start") is None:
            return [((), "target_reached needs 'below' (a value), 'of_start' (a share of the start), or both")]
        return []


StopRule = Annotated[
    TextCeAbove
    | NoImprovement
    | Overfitting
    | NotFinite
    | Exploding
    | NoOp
    | QualityFalling
    | TimeLimit
    | TargetReached,
    Field(discriminator="rule"),
]
