"""`phases/<name>.yaml`: one declared training run, where its first weights come from, what it keeps, how long it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from xtts_finetune.numbers.usual import MEL_WEIGHTS
from xtts_finetune.spec.model import MOST_STEPS, Contradiction, Name, PositiveFloat, Seed, Spec, Steps
from xtts_finetune.spec.schedule import ScheduleSpec
from xtts_finetune.spec.search import SearchSpace
from xtts_finetune.spec.stop_rules import StopRule, SuccessGoal
from xtts_finetune.spec.train import Train, phase_contradictions


class ResumeFrom(Spec):
    """Where a phase takes its first weights from.

    `phase` with `checkpoint: best | last | step N`, or `checkpoint` alone as the path of a file.
    """

    phase: Name | None = Field(None, description="An earlier phase of this pipeline.")
    checkpoint: str = Field("best", description="'best', 'last', 'step N', or the path of a checkpoint file.")
    optimizer: Literal["keep", "reset"] = Field(
        "reset", description="'keep' continues with the old moments at the new learning rate."
    )


def checkpoint_step(resume: ResumeFrom) -> int | None:
    """N of 'step N', or None for another kind of checkpoint."""
    words = resume.checkpoint.split()
    if len(words) == 2 and words[0] == "step" and words[1].isdigit():
        return int(words[1])
    return None


class CheckpointEvery(Spec):
    """How often the work is made safe: by whichever comes first."""

    steps: Steps = Field(500, description="Optimizer steps between two checkpoints.")
    minutes: PositiveFloat | None = Field(
        20.0, description="Most minutes of work that a crash may cost; null: only by steps."
    )


class Keep(Spec):
    """What stays on the disk of what a phase writes."""

    best: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="Best models to keep, weights only: those of the evaluations with the lowest mel_ce."
    )
    checkpoints: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="Checkpoints to keep: the newest, and before it those of every 'checkpoint_every.steps'. "
        "Each holds all that resuming needs; a second one is there when the first is damaged.",
    )


Precision = Literal["auto", "fp32", "tf32", "bf16", "fp16"]
Moments = Literal["fp32", "bf16"]


class PhaseSpec(Spec):
    """One training run. Defaults suit XTTS v2."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["epochs"]}, {"required": ["steps"]}]})

    goal: str = Field("", description="What this phase is for; it is printed and reported.")
    resume_from: ResumeFrom | None = Field(
        None,
        description="Which weights it starts from; left out: the previous phase's best, or the base.",
    )
    optimization_level: Name | None = Field(
        None,
        description="'basic', 'enhanced', 'plateau_breaker', 'stable', or a file NAME.yaml in phases/levels/: its "
        "values apply where this file says nothing, so you can leave out keys that it gives.",
    )
    learning_rate: PositiveFloat = Field(description="Peak learning rate; XTTS v2 wants about 1e-6.")
    schedule: ScheduleSpec = Field(
        default_factory=ScheduleSpec, description="How the learning rate changes over the phase."
    )
    train: Train = Field(
        "all",
        description="The weights of the GPT that change: 'all', a list of its parts, or 'lora' for adapters on its "
        "transformer.",
    )
    batch_size: Annotated[int, Field(ge=1, le=4096)] = Field(3, description="Clips a batch.")
    accumulate: Annotated[int, Field(ge=1, le=4096)] = Field(1, description="Batches that one optimizer step adds up.")
    buckets: bool = Field(True, description="Put clips of similar length into one batch: less of it is padding.")
    max_tokens: Annotated[int, Field(ge=64, le=10_000_000)] | None = Field(
        None,
        description="Most positions of a batch (clips x the longest one's text, codes and 37 more), in place of "
        "'batch_size'; a clip that is longer than that gets a separate batch. null: 'batch_size' clips.",
    )
    epochs: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        None, description="Passes over the clips; or give 'steps'."
    )
    steps: Steps | None = Field(None, description="Optimizer steps; or give 'epochs'.")
    eval_every_steps: Steps = Field(100, description="Steps between two evaluations.")
    checkpoint_every: CheckpointEvery = Field(
        default_factory=CheckpointEvery, description="How often a checkpoint is saved."
    )
    keep: Keep = Field(default_factory=Keep, description="How many models are kept on the disk.")
    utterances_every_evals: Annotated[int, Field(ge=1, le=MOST_STEPS)] | None = Field(
        None,
        description="Speak the samples and check them every this many evaluations; null: only at the end.",
    )
    on_out_of_memory: Literal["stop", "halve_batch"] = Field(
        "stop",
        description="'halve_batch' continues from the last checkpoint with gradient_checkpointing, and where that is "
        "not enough with a smaller batch_size and a larger accumulate: as many clips a step as before.",
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="AdamW's decay, on weights only.")
    gradient_clip: PositiveFloat | None = Field(1.0, description="Largest gradient norm; null: not clipped.")
    precision: Precision = Field(
        "auto",
        description="Of the steps: 'bf16' or 'fp16' (mixed precision), 'tf32' or 'fp32'. 'auto' takes the fastest "
        "that the device supports; a CPU measures it once. Weights and evaluations are in fp32 always.",
    )
    gradient_checkpointing: bool = Field(
        False, description="Compute each layer twice rather than keep it: less memory, steps a third slower."
    )
    compile: bool = Field(
        False,
        description="Compile the layers with torch.compile: minutes at the start, then faster steps on a GPU.",
    )
    text_loss_weight: Annotated[float, Field(ge=0)] = Field(0.01, description="Weight of text CE in the loss.")
    mel_loss_weight: PositiveFloat = Field(1.0, description=f"Weight of mel CE in the loss; {MEL_WEIGHTS} is usual.")
    kl_weight: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="Weight of the KL divergence of the mel tokens from the phase's starting model: it holds the voice "
        "to what the model could already say. Costs a forward pass and a second copy of the GPT.",
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of each target that is spread over all tokens; 0: off, 0.1 is usual."
    )
    huber_tau: Annotated[float, Field(gt=1)] | None = Field(
        None,
        description="Partially Huberised CE: a token less likely than 1 / tau counts linearly, so that wrong codes do "
        "not lead; null: off.",
    )
    adaptive_loss_weights: bool = Field(
        False,
        description="Learn the balance of text and mel CE, from text_loss_weight and mel_loss_weight on.",
    )
    mask_prompt: bool = Field(
        False,
        description="Do not score the part of a clip that the model was conditioned on (training only); for clips of "
        "more than 6 seconds.",
    )
    seed: Seed = Field(1, description="Seed of every random choice.")
    devices: Annotated[int, Field(ge=1, le=1024)] = Field(
        1,
        description="GPUs, or processes of a CPU, that share each step on one machine; --machines multiplies it.",
    )
    optimizer_state: Literal["whole", "sharded"] = Field(
        "whole",
        description="'sharded': each of several devices holds a part of Adam's moments; checkpoints stay whole.",
    )
    optimizer_moments: Moments = Field(
        "fp32",
        description="What Adam's two moments are kept in. 'bf16' takes half of their memory, 1.8 GB less with all "
        "weights of XTTS v2, and learns as well.",
    )
    restarts: Annotated[int, Field(ge=0, le=1000)] = Field(
        2,
        description="How often several devices continue from the newest checkpoint after one of them was lost.",
    )
    silent_seconds: Annotated[float, Field(ge=5, le=86_400)] = Field(
        60.0,
        description="After how many seconds without a sign one of several processes counts as lost.",
    )
    stop_when: tuple[StopRule, ...] = Field(
        (), description="Rules that stop the phase early; 'not_finite' and 'no_op' are always on."
    )
    success: dict[Name, SuccessGoal] = Field(
        default_factory=dict, description="Goals by name, from the easiest to the hardest."
    )
    search: SearchSpace = Field(
        default_factory=dict,
        description="What 'xtts-finetune search' may choose, by key of the phase ('learning_rate', 'schedule.kind'): "
        "a range of numbers, or a list of values.",
    )

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        return phase_contradictions(given)

    def in_batches(self, batch_size: int, accumulate: int, checkpointed: bool = False) -> PhaseSpec:
        """The phase with other batches than the declared ones, and with its layers computed twice if `checkpointed`."""
        twice = self.gradient_checkpointing or checkpointed
        changed = {"batch_size": batch_size, "accumulate": accumulate, "gradient_checkpointing": twice}
        return self.model_copy(update=changed)


@dataclass(frozen=True)
class Planned:
    """Optimizer steps of a phase, and the passes over its clips that they make."""

    steps: int
    epochs: float


def planned_of_count(clips: int, phase: PhaseSpec) -> Planned:
    """Of a phase whose steps depend on the number of clips alone: no max_tokens, and no weights.

    Without NumPy, as a plan of the usual kind is made. `data.batching.index.planned` knows every phase; both say the
    same.
    """
    clips_a_step = phase.batch_size * phase.accumulate
    steps = phase.steps
    if steps is None:
        epochs = phase.epochs or 1.0
        whole = int(epochs)
        visits = whole * clips + round((epochs - whole) * clips)
        steps = max(1, -(-visits // clips_a_step))
    return Planned(steps, round(steps * clips_a_step / clips, 2))
