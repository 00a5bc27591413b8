"""`eval/utterances.yaml`: what every candidate says, in which voice and with which settings."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from xtts_finetune.spec.model import Contradiction, Name, Seed, Spec
from xtts_finetune.spec.reading.words import shown
from xtts_finetune.spec.train import MAPPING, WORD

# How the ids of the spoken lines of the eval set begin.
HELD_OUT = "held-out-"
# What stands in a recogniser's command for the sound and for its language.
FILE_MARK, LANGUAGE_MARK = "{file}", "{language}"


def has_words(text: str) -> bool:
    """Whether anything in `text` can be said: a letter or a digit of any script."""
    return any(unicodedata.category(character)[0] in "LN" for character in text)


class SentenceSpec(Spec):
    """One sentence to speak."""

    id: Name = Field(description="Names the sentence in file names and tables.")
    text: Annotated[str, Field(min_length=1)] = Field(description="The text to speak.")
    language: str | None = Field(None, description="Language where it differs from the pipeline's.")

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        text = given.get("text")
        if not isinstance(text, str) or not text or has_words(text):
            return []
        return [(("text",), f"{shown(text)} has no word to say: neither a letter nor a digit; write a sentence")]


Temperature = Annotated[float, Field(gt=0, le=2)]
TopK = Annotated[int, Field(ge=1, le=1026)]
TopP = Annotated[float, Field(gt=0, le=1)]
RepetitionPenalty = Annotated[float, Field(ge=1)]
Speed = Annotated[float, Field(gt=0.2, lt=5)]


class InferenceSpec(Spec):
    """Settings of XTTS's own inference."""

    temperature: Temperature = Field(0.75, description="Lower is steadier.")
    top_k: TopK = Field(50, description="Tokens to choose from.")
    top_p: TopP = Field(0.85, description="Probability mass to choose from.")
    repetition_penalty: RepetitionPenalty = Field(5.0, description="Higher repeats less.")
    speed: Speed = Field(1.0, description="Rate of speech.")


class ReferenceSpec(Spec):
    """The recordings that the voice is taken from: files, or the best training clips of one speaker."""

    files: tuple[Path, ...] = Field((), description="Recordings of the voice; none: training clips are used.")
    speaker: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Whose clips they are, as the data names the speaker; left out: who speaks most."
    )
    clips: Annotated[int, Field(ge=1, le=100)] = Field(3, description="How many training clips, if no files are named.")


RecogniserName = Literal["whisper", "pocketsphinx"]


class RecogniserSpec(Spec):
    """A speech recogniser of the user's own: a program."""

    command: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = Field(
        description="Program and arguments; {file} stands for a WAV file, {language} for its language. "
        "It prints what it hears."
    )

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        command = given.get("command")
        if not isinstance(command, list | tuple) or any(FILE_MARK in str(word) for word in command):
            return []
        return [(("command",), f"no word of the command has {FILE_MARK}, where the sound's file goes")]


def _kind(value: object) -> str:
    return MAPPING if isinstance(value, Mapping | BaseModel) else WORD


Recogniser = Annotated[
    Annotated[RecogniserName, Tag(WORD)] | Annotated[RecogniserSpec, Tag(MAPPING)], Discriminator(_kind)
]


class UtterancesSpec(Spec):
    """The same sentences, reference and seeds for every candidate."""

    sentences: Annotated[tuple[SentenceSpec, ...], Field(min_length=1)] = Field(description="The text to speak.")
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (1,), description="Each sentence is spoken once for each seed."
    )
    reference: ReferenceSpec = Field(default_factory=ReferenceSpec, description="Whose voice.")
    held_out: Annotated[int, Field(ge=0, le=100)] = Field(
        4, description="How many lines of the eval set are spoken too and compared with their recordings."
    )
    inference: InferenceSpec = Field(default_factory=InferenceSpec, description="XTTS's inference settings.")
    recogniser: Recogniser | None = Field(
        None,
        description="The speech recogniser that checks the words: 'whisper', 'pocketsphinx' (English alone) or a "
        "command; left out: whisper where it is installed, else pocketsphinx. Which Whisper: 'recogniser' in "
        "pipeline.yaml.",
    )
