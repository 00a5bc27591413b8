"""`train`: which weights of the GPT a phase changes; and what contradicts itself between a phase's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from xtts_finetune.spec.model import Contradiction, Spec, number


def phase_contradictions(given: Mapping[str, Any]) -> list[Contradiction]:
    """What `PhaseSpec.contradictions` finds; values may be of a wrong type."""
    epochs, steps = given.get("epochs"), given.get("steps")
    if epochs is None and steps is None:
        return [((), "how long to train is missing: give 'epochs' (passes over the clips) or 'steps'")]
    if epochs is not None and steps is not None:
        return [(("epochs", "steps"), "'epochs' and 'steps' are both given; keep one of them")]
    return [
        *_quality_unseen(given),
        *_moments_of_adapters(given),
        *_halved_by_tokens(given),
        *_minimum_above_peak(given),
    ]


def _minimum_above_peak(given: Mapping[str, Any]) -> list[Contradiction]:
    """A learning rate that would have to fall to more than it is."""
    schedule, peak = given.get("schedule"), number(given.get("learning_rate"))
    key = "minimum_learning_rate"
    lowest = number(schedule.get(key) if isinstance(schedule, Mapping) else getattr(schedule, key, None))
    if lowest is None or peak is None or lowest <= peak:
        return []
    message = f"schedule.{key} {lowest:g} is above the learning_rate {peak:g}"
    return [(("schedule", "learning_rate"), message)]


def _halved_by_tokens(given: Mapping[str, Any]) -> list[Contradiction]:
    """Smaller batches for a phase whose batches have no size."""
    if given.get("max_tokens") is None or given.get("on_out_of_memory") != "halve_batch":
        return []
    message = "'halve_batch' divides batch_size, which has no effect with 'max_tokens'; keep one of them"
    return [(("max_tokens", "on_out_of_memory"), message)]


def _quality_unseen(given: Mapping[str, Any]) -> list[Contradiction]:
    """A rule on the quality of utterances that nobody would speak."""
    rules = given.get("stop_when") or ()
    names = [_rule_of(rule) for rule in rules] if isinstance(rules, list | tuple) else []
    if "quality_falling" not in names or given.get("utterances_every_evals") is not None:
        return []
    message = "the rule 'quality_falling' needs 'utterances_every_evals', which makes the phase speak in between"
    return [(("stop_when",), message)]


def _moments_of_adapters(given: Mapping[str, Any]) -> list[Contradiction]:
    """Adapters start anew in every phase: no earlier moments are theirs."""
    resume = given.get("resume_from")
    kept = resume.get("optimizer") if isinstance(resume, Mapping) else getattr(resume, "optimizer", None)
    if kept != "keep" or not is_lora(given.get("train")):
        return []
    message = "adapters start anew, so there are no moments to keep for them; use 'optimizer: reset'"
    return [(("resume_from", "train"), message)]


def _rule_of(rule: object) -> object:
    """Name of a declared rule, checked or not yet."""
    return rule.get("rule") if isinstance(rule, Mapping) else getattr(rule, "rule", None)


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
