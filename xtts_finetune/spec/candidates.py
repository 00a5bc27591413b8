"""`candidates`: the models that may ship, among them those that are made of others without training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Field, Tag

from xtts_finetune.spec.model import Contradiction, Name, Spec
from xtts_finetune.spec.train import MAPPING, WORD

BASE = "base"


class MadeCandidate(Spec):
    """A model made of others: an average of candidates, of a phase's best models, or a named checkpoint.

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
        None, description="The mean of so many best models of 'phase'; its 'keep.best' must be as many."
    )
    checkpoint: str | None = Field(
        None,
        description="A checkpoint of 'phase': 'last' or 'step N'; or, without 'phase', the path of a file.",
    )

    @property
    def is_file(self) -> bool:
        """Whether it is a checkpoint of the user's own, and no part of this run."""
        return not self.average and self.phase is None

    @property
    def file(self) -> Path:
        """The checkpoint, where it is the user's own file."""
        return Path(str(self.checkpoint))

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        ways = [key for key in ("average", "best", "checkpoint") if given.get(key) not in (None, ())]
        if not ways:
            return [((), "what is it made of? give one of average, best, checkpoint")]
        if len(ways) > 1:
            return [(tuple(ways), f"'{ways[0]}' and '{ways[1]}' are two ways to make it; keep one")]
        return [*_of_averages(given, ways[0]), *_of_phases(given, ways[0])]


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
    if way == "average" and phase is not None:
        return [(("average", "phase"), "'phase' goes with 'best' or 'checkpoint'")]
    if way == "best" and phase is None:
        return [(("best",), "'best' needs 'phase': the best models of which phase?")]
    return []


def _kind(value: object) -> str:
    return MAPPING if isinstance(value, Mapping | BaseModel) else WORD


CandidateEntry = Annotated[
    Annotated[Name, Tag(WORD)] | Annotated[MadeCandidate, Tag(MAPPING)], Discriminator(_kind)
]
