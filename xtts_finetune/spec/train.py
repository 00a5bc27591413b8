"""`train`: which weights of the GPT a phase changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from xtts_finetune.spec.model import Spec

Part = Literal["gpt", "heads", "embeddings", "conditioning"]
AdaptedLayer = Literal["attention", "mlp"]


class LoraSpec(Spec):
    """Low-rank adapters on layers of the transformer; all other weights stay as they are.

    A layer's weights W become W + alpha / rank x B A, where A and B alone are trained (Hu et al., LoRA: Low-Rank
    Adaptation of Large Language Models, ICLR 2022). What is saved has them added up.
    """

    rank: Annotated[int, Field(ge=1, le=1024)] = Field(8, description="Rank of every adapter.")
    alpha: Annotated[float, Field(gt=0)] = Field(
        16.0, description="The adapters' weight: what they add counts alpha / rank times."
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of an adapter's input that is left out at random in training."
    )
    targets: Annotated[tuple[AdaptedLayer, ...], Field(min_length=1)] = Field(
        ("attention", "mlp"), description="Layers of every block that get an adapter."
    )


class TrainLora(Spec):
    """Adapters are trained rather than the weights themselves."""

    lora: LoraSpec = Field(description="Low-rank adapters on the transformer; {} for their defaults.")


# Names of the union's members in pydantic's errors; no key of a file looks like these.
WORD, LIST, MAPPING = "<word>", "<list>", "<mapping>"


def _kind(value: object) -> str:
    if isinstance(value, Mapping | BaseModel):
        return MAPPING
    return LIST if isinstance(value, list | tuple) else WORD


Train = Annotated[
    Annotated[Literal["all"], Tag(WORD)]
    | Annotated[tuple[Part, ...], Field(min_length=1), Tag(LIST)]
    | Annotated[TrainLora, Tag(MAPPING)],
    Discriminator(_kind),
]


def is_lora(train: object) -> bool:
    """Whether `train`, checked or not yet, stands for adapters."""
    return isinstance(train, TrainLora) or (isinstance(train, Mapping) and "lora" in train)


def train_words(train: Any) -> str:
    """`train` for people, as declared or as a record has it: 'all', 'gpt, heads', 'LoRA of rank 8 on attention'."""
    if isinstance(train, TrainLora):
        train = train.model_dump()
    if isinstance(train, Mapping):
        return f"LoRA of rank {train['lora']['rank']} on {' and '.join(train['lora']['targets'])}"
    return train if isinstance(train, str) else ", ".join(train)
