"""`eval/utterances.yaml`: what every candidate says, in which voice and with which settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from xtts_finetune.spec.model import Name, Seed, Spec

# How the ids of the spoken lines of the eval set begin.
HELD_OUT = "held-out-"


class SentenceSpec(Spec):
    """One sentence to speak."""

    id: Name = Field(description="Names the sentence in file names and tables.")
    text: Annotated[str, Field(min_length=1)] = Field(description="What is said.")
    language: str | None = Field(None, description="Language where it differs from the pipeline's.")


class InferenceSpec(Spec):
    """Settings of XTTS's own inference."""

    temperature: Annotated[float, Field(gt=0, le=2)] = Field(0.75, description="Lower is steadier.")
    top_k: Annotated[int, Field(ge=1, le=1026)] = Field(50, description="Tokens to choose from.")
    top_p: Annotated[float, Field(gt=0, le=1)] = Field(0.85, description="Probability mass to choose from.")
    repetition_penalty: Annotated[float, Field(ge=1)] = Field(5.0, description="Higher repeats less.")
    speed: Annotated[float, Field(gt=0.2, lt=5)] = Field(1.0, description="Rate of speech.")


class ReferenceSpec(Spec):
    """The recordings that the voice is taken from: files, or the best training clips."""

    files: tuple[Path, ...] = Field((), description="Recordings of the voice; none: training clips are used.")
    clips: Annotated[int, Field(ge=1, le=100)] = Field(
        3, description="How many training clips, if no files are named."
    )


class UtterancesSpec(Spec):
    """The same sentences, reference and seeds for every candidate."""

    sentences: Annotated[tuple[SentenceSpec, ...], Field(min_length=1)] = Field(description="What is said.")
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field((1,), description="One utterance a seed.")
    reference: ReferenceSpec = Field(default_factory=ReferenceSpec, description="Whose voice.")
    held_out: Annotated[int, Field(ge=0, le=100)] = Field(
        4, description="How many lines of the eval set are spoken too and compared with their recordings."
    )
    inference: InferenceSpec = Field(default_factory=InferenceSpec, description="XTTS's inference settings.")
