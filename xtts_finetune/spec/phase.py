"""`phases/<name>.yaml`: one declared training run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from xtts_finetune.spec.model import Contradiction, Name, Seed, Spec
from xtts_finetune.spec.stop_rules import StopRule
from xtts_finetune.spec.train import Train, is_lora

# Beyond any run; it keeps slips of the keyboard from becoming plans of years.
MOST_STEPS = 100_000_000

PositiveFloat = Annotated[float, Field(gt=0)]
Steps = Annotated[int, Field(ge=1, le=MOST_STEPS)]
Precision = Literal["auto", "fp32", "tf32", "bf16", "fp16"]


class ResumeFrom(Spec):
    """Where a phase takes its first weights from.

    `phase` with `checkpoint: best | last | step N`, or `checkpoint` alone as the path of a file.
    """

    phase: Name | None = Field(None, description="An earlier phase of this pipeline.")
    checkpoint: str = Field("best", description="'best', 'last', 'step N', or the path of a checkpoint file.")
    optimizer: Literal["keep", "reset"] = Field(
        "reset", description="'keep' continues with the old moments at the new learning rate."
    )


class ScheduleSpec(Spec):
    """How the learning rate moves from step to step."""

    kind: Literal["constant", "linear", "cosine"] = Field("constant", description="Shape after the warm-up.")
    warmup_steps: Annotated[int, Field(ge=0, le=MOST_STEPS)] = Field(
        0, description="Steps of linear rise from zero."
    )
    minimum: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="End value as a share of the learning rate."
    )


class CheckpointEvery(Spec):
    """How often the work is made safe: by whichever comes first."""

    steps: Steps = Field(500, description="Optimizer steps between two checkpoints.")
    minutes: PositiveFloat | None = Field(
        20.0, description="Most minutes of work that a crash may cost; null: by steps alone."
    )


class Keep(Spec):
    """What stays on the disk of what a phase writes."""

    best: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="Best models that stay, weights only: as many evaluations with the lowest mel_ce."
    )
    checkpoints: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="Checkpoints that stay: the newest, and before it those of every 'checkpoint_every.steps'. "
        "Each holds all that resuming needs; a second one is there when the first is damaged.",
    )


class SuccessLevel(Spec):
    """Limits that the phase's best evaluation must stay below to reach a level."""

    mel_ce: PositiveFloat | None = Field(None, description="mel_ce must be below this (nats).")
    mel_ce_of_start: PositiveFloat | None = Field(
        None, description="mel_ce must be below this share of the value at the phase's start."
    )
    text_ce: PositiveFloat | None = Field(None, description="text_ce must be below this (0.01 x nats).")
    quality: Annotated[float, Field(ge=0, le=10)] | None = Field(
        None, description="Mark out of 10 that listeners must give at least."
    )
    no_overfitting: bool = Field(False, description="The rule 'overfitting' must not have ended the phase.")


class PhaseSpec(Spec):
    """One declared training run. Defaults suit XTTS v2."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["epochs"]}, {"required": ["steps"]}]}
    )

    goal: str = Field("", description="What this phase is for; it is printed and reported.")
    resume_from: ResumeFrom | None = Field(
        None,
        description="Where the first weights come from; left out: the previous phase's best, or the base.",
    )
    learning_rate: PositiveFloat = Field(description="Peak learning rate; XTTS v2 wants about 1e-6.")
    schedule: ScheduleSpec = Field(default_factory=ScheduleSpec, description="How the learning rate moves.")
    train: Train = Field(
        "all",
        description="The weights of the GPT that change: 'all', a list of its parts, or 'lora' for adapters on its "
        "transformer.",
    )
    batch_size: Annotated[int, Field(ge=1, le=4096)] = Field(3, description="Clips a batch.")
    accumulate: Annotated[int, Field(ge=1, le=4096)] = Field(
        1, description="Batches that one optimizer step adds up."
    )
    buckets: bool = Field(True, description="Put clips of like length into one batch: less of it is padding.")
    max_tokens: Annotated[int, Field(ge=64, le=10_000_000)] | None = Field(
        None,
        description="Most positions of a batch (clips x the longest one's text, codes and 37 more), in place of "
        "'batch_size'; a clip that is longer alone is a batch of its own. null: 'batch_size' clips.",
    )
    epochs: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        None, description="Passes over the clips; or give 'steps'."
    )
    steps: Steps | None = Field(None, description="Optimizer steps; or give 'epochs'.")
    eval_every_steps: Steps = Field(100, description="Steps between two evaluations.")
    checkpoint_every: CheckpointEvery = Field(
        default_factory=CheckpointEvery, description="How often the work is made safe."
    )
    keep: Keep = Field(default_factory=Keep, description="How many models stay on the disk.")
    utterances_every_evals: Annotated[int, Field(ge=1, le=MOST_STEPS)] | None = Field(
        None,
        description="Speak the utterances and check them at every so many evaluations; null: at the end alone.",
    )
    on_out_of_memory: Literal["stop", "halve_batch"] = Field(
        "stop",
        description="'halve_batch' goes on from the last checkpoint with a smaller batch_size and a larger "
        "accumulate, as many clips a step as before.",
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="AdamW's decay, on weights only.")
    gradient_clip: PositiveFloat | None = Field(1.0, description="Largest gradient norm; null: not clipped.")
    precision: Precision = Field(
        "auto",
        description="Of the steps: 'bf16' or 'fp16' (mixed precision), 'tf32' or 'fp32'. 'auto' takes the fastest "
        "that the device has units for. Weights, moments and evaluations are in fp32 always.",
    )
    gradient_checkpointing: bool = Field(
        False, description="Compute each layer twice rather than keep it: less memory, steps a third slower."
    )
    compile: bool = Field(
        False,
        description="Compile the layers with torch.compile: minutes at the start, then faster steps on a GPU.",
    )
    text_loss_weight: Annotated[float, Field(ge=0)] = Field(
        0.01, description="Weight of text CE in the loss."
    )
    mel_loss_weight: PositiveFloat = Field(1.0, description="Weight of mel CE in the loss.")
    mask_prompt: bool = Field(
        False,
        description="Do not score the part of a clip that the model was conditioned on (training only); for clips of "
        "more than 6 seconds.",
    )
    seed: Seed = Field(1, description="Seed of every random choice.")
    stop_when: tuple[StopRule, ...] = Field(
        (), description="Rules that end the phase early; 'not_finite' and 'no_op' watch every phase."
    )
    success: dict[Name, SuccessLevel] = Field(
        default_factory=dict, description="Named levels from the easiest to the hardest."
    )

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        epochs, steps = given.get("epochs"), given.get("steps")
        if epochs is None and steps is None:
            return [((), "how long to train is missing: give 'epochs' (passes over the clips) or 'steps'")]
        if epochs is not None and steps is not None:
            return [(("epochs", "steps"), "'epochs' and 'steps' are both given; keep one of them")]
        return [*_quality_unseen(given), *_moments_of_adapters(given), *_halved_by_tokens(given)]


def _halved_by_tokens(given: Mapping[str, Any]) -> list[Contradiction]:
    """Smaller batches for a phase whose batches have no size."""
    if given.get("max_tokens") is None or given.get("on_out_of_memory") != "halve_batch":
        return []
    message = "'halve_batch' divides batch_size, which does not count beside 'max_tokens'; keep one of them"
    return [(("max_tokens", "on_out_of_memory"), message)]


def _quality_unseen(given: Mapping[str, Any]) -> list[Contradiction]:
    """A rule on the quality of utterances that nobody would speak."""
    rules = given.get("stop_when") or ()
    names = [_rule_of(rule) for rule in rules] if isinstance(rules, list | tuple) else []
    if "quality_falling" not in names or given.get("utterances_every_evals") is not None:
        return []
    message = (
        "the rule 'quality_falling' needs 'utterances_every_evals', which makes the phase speak in between"
    )
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


def checkpoint_step(resume: ResumeFrom) -> int | None:
    """N of 'step N', or None for another kind of checkpoint."""
    words = resume.checkpoint.split()
    if len(words) == 2 and words[0] == "step" and words[1].isdigit():
        return int(words[1])
    return None
