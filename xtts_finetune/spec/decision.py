"""`eval/decision_matrix.yaml`: which phase's model ships, as rows read from the top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from xtts_finetune.spec.candidates import CandidateEntry
from xtts_finetune.spec.model import Contradiction, Name, Spec, number


class Range(Spec):
    """A range of numbers with at least one bound."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    above: float | None = Field(None, description="Greater than.")
    at_least: float | None = Field(None, description="Greater than or equal.")
    at_most: float | None = Field(None, description="Less than or equal.")
    below: float | None = Field(None, description="Less than.")

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        bounds = {key: number(given.get(key)) for key in cls.model_fields}
        if all(value is None for value in given.values()):
            return [((), "the range has no bound; give at least one of above, at_least, at_most, below")]
        for low in ("above", "at_least"):
            for high in ("at_most", "below"):
                bottom, top = bounds[low], bounds[high]
                if bottom is None or top is None or bottom < top:
                    continue
                if bottom > top or (low, high) != ("at_least", "at_most"):
                    message = f"the range is empty: no number is {low} {bottom:g} and {high} {top:g}"
                    return [((low, high), message)]
        return []

    def holds(self, value: float) -> bool:
        """Whether `value` lies inside all bounds given."""
        return (
            (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )


class RowSpec(Spec):
    """One row of the matrix: when it holds for the candidate read, this is what ships."""

    mel_ce: Range | None = Field(None, description="Range of the candidate's mel_ce (nats).")
    mel_ce_of_base: Range | None = Field(None, description="Range of its mel_ce as a share of the base's.")
    text_ce: Range | None = Field(None, description="Range of its text_ce (0.01 x nats).")
    quality: Range | None = Field(None, description="Range of its mark out of 10, given by listeners.")
    ship: Name = Field(description="The candidate that ships: 'base', a phase, or one of 'candidates'.")
    verdict: Annotated[str, Field(min_length=1)] = Field(description="The answer in words.")
    then: str = Field("", description="What to do next, such as 'go on to phase 3'.")


class DecisionSpec(Spec):
    """The decision matrix. Rows are read from the top; the first that holds decides."""

    candidates: tuple[CandidateEntry, ...] = Field(
        (),
        description="The models that may ship: names of phases, and models made of others. The base is always "
        "among them; left out: the base and every phase.",
    )
    read: Name | None = Field(None, description="Whose metrics the rows look at; left out: the last phase.")
    quality: dict[Name, Annotated[float, Field(ge=0, le=10)]] = Field(
        default_factory=dict,
        description="Marks out of 10 written by hand; those of a listening test count in their place.",
    )
    rows: Annotated[tuple[RowSpec, ...], Field(min_length=1)] = Field(description="The matrix.")
