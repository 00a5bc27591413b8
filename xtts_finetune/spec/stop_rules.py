"""`stop_when`: the rules that may end a phase early, as declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from xtts_finetune.spec.model import Contradiction, Spec

Metric = Literal["mel_ce", "text_ce", "stop_ce"]


class TextCeAbove(Spec):
    """Stop when text_ce rises above a limit, given as a value or as a multiple of its value at the phase's start.

    Where both are given, the larger one counts.
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["limit"]}, {"required": ["of_start"]}]}
    )

    rule: Literal["text_ce_above"]
    limit: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Limit in Coqui's unit (0.01 x nats)."
    )
    of_start: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Limit as a multiple of the value at the phase's start."
    )

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        if given.get("limit") is None and given.get("of_start") is None:
            message = (
                "text_ce_above needs 'limit' (0.01 x nats), 'of_start' (a multiple of the start), or both"
            )
            return [((), message)]
        return []


class NoImprovement(Spec):
    """Stop when a metric has not fallen for a number of steps."""

    rule: Literal["no_improvement"]
    metric: Metric = Field("mel_ce", description="Which metric must fall.")
    steps: Annotated[int, Field(ge=1, le=100_000_000)] = Field(500, description="Optimizer steps to wait.")
    min_change: Annotated[float, Field(ge=0)] = Field(0.0, description="A smaller fall does not count.")


class Overfitting(Spec):
    """Stop when the eval loss rises while the training loss falls, over a number of evaluations."""

    rule: Literal["overfitting"]
    evals: Annotated[int, Field(ge=2, le=100_000_000)] = Field(3, description="Evaluations in a row.")


StopRule = Annotated[TextCeAbove | NoImprovement | Overfitting, Field(discriminator="rule")]
