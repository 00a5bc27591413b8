"""`eval/decision_matrix.yaml`: the models that may ship, and which of them does, as rows read from the top."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from xtts_finetune.spec.model import Contradiction, Name, Spec, number
from xtts_finetune.spec.train import MAPPING, WORD
from xtts_finetune.spec.utterances import RepetitionPenalty, Speed, Temperature, TopK, TopP


class InferenceChange(Spec):
    """Settings of inference in which a candidate differs from the others; what is left out is as theirs."""

    temperature: Temperature | None = Field(None, description="Lower is steadier.")
    top_k: TopK | None = Field(None, description="Tokens to choose from.")
    top_p: TopP | None = Field(None, description="Probability mass to choose from.")
    repetition_penalty: RepetitionPenalty | None = Field(None, description="Higher repeats less.")
    speed: Speed | None = Field(None, description="Rate of speech.")

    @property
    def given(self) -> dict[str, Any]:
        """Those that differ."""
        return self.model_dump(exclude_none=True)


class MadeCandidate(Spec):
    """A model made of others: an average of candidates, of a phase's best models, or a named checkpoint.

    Or another candidate's model as it is, which speaks with other settings or from other recordings of the voice.

    Averages of weights along one training run often do better than each of them (Izmailov et al., Averaging
    Weights Leads to Wider Optima and Better Generalization, UAI 2018), and an average of a fine-tuned model with
    the one that it came from keeps more of what that could do (Wortsman et al., Robust fine-tuning of zero-shot
    models, CVPR 2022).
    """

    name: Name = Field(description="Names the candidate and its folder.")
    average: tuple[Name, ...] = Field(
        (), description="The mean of the weights of these candidates: 'base', phases, or made ones above it."
    )
    weights: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (), description="How much each of 'average' counts, in its order; left out: all the same."
    )
    phase: Name | None = Field(None, description="The phase that 'best' or 'checkpoint' is of.")
    best: Annotated[int, Field(ge=2, le=100)] | None = Field(
        None, description="The mean of this many best models of 'phase'; its 'keep.best' must be at least as large."
    )
    checkpoint: str | None = Field(
        None,
        description="A checkpoint of 'phase': 'last' or 'step N'; or, without 'phase', the path of a file.",
    )

    model: Name | None = Field(
        None,
        description="The candidate whose model this is, to be heard with other 'inference' or another 'reference'.",
    )
    inference: InferenceChange = Field(
        default_factory=InferenceChange, description="Settings of inference in which it differs from the others."
    )
    reference: tuple[Path, ...] = Field(
        (), description="Recordings that its voice is taken from; left out: those of the others."
    )

    @property
    def is_file(self) -> bool:
        """Whether it is a checkpoint of the user's own, and no part of this run."""
        return self.checkpoint is not None and self.phase is None

    @property
    def file(self) -> Path:
        """The checkpoint, where it is the user's own file."""
        return Path(str(self.checkpoint))

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        ways = [key for key in ("average", "best", "checkpoint", "model") if given.get(key) not in (None, ())]
        if not ways:
            return [((), "what is it made of? give one of average, best, checkpoint, model")]
        if len(ways) > 1:
            return [(tuple(ways), f"'{ways[0]}' and '{ways[1]}' are two ways to make it; keep one")]
        return [*_of_averages(given, ways[0]), *_of_phases(given, ways[0]), *_of_models(given, ways[0])]


def _of_models(given: Mapping[str, Any], way: str) -> list[Contradiction]:
    change = given.get("inference")
    differs = change.given if isinstance(change, InferenceChange) else isinstance(change, Mapping) and change
    if way != "model" or differs or given.get("reference"):
        return []
    message = f"it is '{given['model']}' once more; say in what it differs: 'inference' or 'reference'"
    return [(("model",), message)]


def _of_averages(given: Mapping[str, Any], way: str) -> list[Contradiction]:
    parts, weights = given.get("average"), given.get("weights")
    if way != "average":
        return [(("weights",), "'weights' go with 'average'")] if weights else []
    if not isinstance(parts, list | tuple):
        return []
    if len(parts) < 2:
        return [(("average",), "an average needs at least two candidates")]
    if isinstance(weights, list | tuple) and weights and len(weights) != len(parts):
        message = f"'weights' has {len(weights)} numbers for the {len(parts)} candidates of 'average'"
        return [(("average", "weights"), message)]
    return []


def _of_phases(given: Mapping[str, Any], way: str) -> list[Contradiction]:
    phase = given.get("phase")
    if way in ("average", "model") and phase is not None:
        return [((way, "phase"), "'phase' goes with 'best' or 'checkpoint'")]
    if way == "best" and phase is None:
        return [(("best",), "'best' needs 'phase': the best models of which phase?")]
    return []


def _kind(value: object) -> str:
    return MAPPING if isinstance(value, Mapping | BaseModel) else WORD


CandidateEntry = Annotated[Annotated[Name, Tag(WORD)] | Annotated[MadeCandidate, Tag(MAPPING)], Discriminator(_kind)]


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
    quality: Range | None = Field(None, description="Range of its score out of 10, given by listeners.")
    ship: Name = Field(description="The candidate that ships: 'base', a phase, or one of 'candidates'.")
    verdict: Annotated[str, Field(min_length=1)] = Field(description="The answer in words.")
    then: str = Field("", description="What to do next, such as 'continue with phase 3'.")


class DecisionSpec(Spec):
    """The decision matrix. Rows are read from the top; the first that matches decides."""

    candidates: tuple[CandidateEntry, ...] = Field(
        (),
        description="The models that may ship: names of phases, and models made of others. The base is always "
        "among them; left out: the base and every phase.",
    )
    read: Name | None = Field(None, description="Whose metrics the rows look at; left out: the last phase.")
    quality: dict[Name, Annotated[float, Field(ge=0, le=10)]] = Field(
        default_factory=dict,
        description="Scores out of 10 that you write by hand; those of a listening test replace them.",
    )
    rows: Annotated[tuple[RowSpec, ...], Field(min_length=1)] = Field(description="The matrix.")
