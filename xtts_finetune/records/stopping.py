"""Why a phase ended: the reasons, what each means, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from xtts_finetune.look.quantities import NOT_FINITE

Status = Literal["done", "failed", "interrupted"]


class Reason(str, Enum):
    """Why a phase ended. The value is what the records say."""

    ALL_STEPS_DONE = "all_steps_done"
    TARGET_REACHED = "target_reached"
    NO_IMPROVEMENT = "no_improvement"
    TEXT_CE_ABOVE = "text_ce_above"
    OVERFITTING = "overfitting"
    QUALITY_FALLING = "quality_falling"
    EXPLODING = "exploding"
    NOT_FINITE = "not_finite"
    BAD_START = "bad_start"
    NO_OP = "no_op"
    TIME_LIMIT = "time_limit"
    INTERRUPTED = "interrupted"
    PAUSED = "paused"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    UNREADABLE = "unreadable"
    KILLED = "killed"
    ERROR = "error"

    @property
    def words(self) -> str:
        """The reason in plain words."""
        return _WORDS[self][0]

    @property
    def meaning(self) -> str:
        """What the reason says about the run."""
        return _WORDS[self][1]

    @property
    def advice(self) -> str:
        """What to do next."""
        return _WORDS[self][2]

    @property
    def status(self) -> Status:
        """'done' for a phase that came to an end of its own, by its steps or by a rule."""
        if self in (Reason.INTERRUPTED, Reason.PAUSED):
            return "interrupted"
        return "failed" if self in _FAILURES else "done"


_FAILURES = frozenset(
    {
        Reason.BAD_START,
        Reason.OUT_OF_MEMORY,
        Reason.DISK_FULL,
        Reason.UNREADABLE,
        Reason.KILLED,
        Reason.ERROR,
    }
)


_WORDS: dict[Reason, tuple[str, str, str]] = {
    Reason.ALL_STEPS_DONE: (
        "all steps done",
        "The phase trained for as long as its config says.",
        "Listen to its samples.",
    ),
    Reason.TEXT_CE_ABOVE: (
        "text CE above its limit",
        "The model is losing the text that it should speak: further training would harm the pronunciation.",
        "Use this phase's best model. Before you continue, lower the learning rate or check the clips' texts.",
    ),
    Reason.NO_IMPROVEMENT: (
        "no improvement",
        "The phase has learned what it can at this learning rate from these clips.",
        "Listen to its best model. To go further, add clips, or a phase with another learning rate.",
    ),
    Reason.OVERFITTING: (
        "overfitting",
        "The model memorises the training clips: it gets worse on clips that it has never heard.",
        "Use the best model, from before the rise. More varied clips help; so does a lower learning rate.",
    ),
    Reason.TARGET_REACHED: (
        "target reached",
        "The metric has reached its target.",
        "Listen to its samples. With time left, a lower target may still be within reach.",
    ),
    Reason.QUALITY_FALLING: (
        "quality falling",
        "The samples that the model speaks during training get worse, even if its losses still fall.",
        "Listen to the samples of the steps before. Continue more gently: a lower learning rate, or fewer steps.",
    ),
    Reason.EXPLODING: (
        "exploding",
        "The loss or the gradient jumped far above what it was: the steps are too large for these clips.",
        "Use a learning rate 2 to 10 times lower, with warm-up steps, and a smaller gradient_clip.",
    ),
    Reason.NOT_FINITE: (
        f"{NOT_FINITE} loss",
        f"The loss became {NOT_FINITE}: the weights are ruined from there on, and were not saved.",
        "Use a learning rate 10 times lower, with warm-up steps; with precision fp16, try bf16 or fp32.",
    ),
    Reason.BAD_START: (
        "starting weights that do not fit",
        "The weights that the phase starts from are ruined, or of a model with another vocab.json or other audio "
        "codes: nothing that is learned from there would be of use, so no step was taken.",
        "Start from another checkpoint: an earlier one of the same training, or one that was trained with this base's "
        "vocab.json and dvae.pth. A lower learning rate does not help.",
    ),
    Reason.NO_OP: (
        "nothing was trained",
        "The optimizer changed no weight: the model is the one that the phase began with.",
        "With precision fp16, use bf16 or fp32. Otherwise the learning rate is too small to move a weight.",
    ),
    Reason.TIME_LIMIT: (
        "time limit",
        "The phase has used the time that you gave it.",
        "Listen to its best model. If mel_ce was still falling, give it more time.",
    ),
    Reason.OUT_OF_MEMORY: (
        "out of memory",
        "The device has less memory than this batch needs.",
        "First gradient_checkpointing: true, then optimizer_moments: bf16: both need less memory and train as well. "
        "A smaller batch_size with a larger accumulate helps with batches of 4 and more. on_out_of_memory: halve_batch "
        "does the first and the last by itself. precision: bf16 needs less, too, and closing other programs helps.",
    ),
    Reason.DISK_FULL: (
        "disk full",
        "There was no room to write what the phase keeps. Its last checkpoint is complete.",
        "Make room, then start it again: it continues from that checkpoint.",
    ),
    Reason.UNREADABLE: (
        "a file that cannot be read",
        "A clip, the cache or a checkpoint that the phase needs is missing or incomplete.",
        "Fix what the message names, then start it again.",
    ),
    Reason.INTERRUPTED: (
        "interrupted",
        "The run was stopped from outside before the phase had ended.",
        "Start it again: it continues from its newest checkpoint.",
    ),
    Reason.PAUSED: (
        "paused for a comparison",
        "The phase waits at a step at which it is compared with others; it has not ended.",
        "Start the race or search that it belongs to again: it continues from here if it is among the better ones.",
    ),
    Reason.KILLED: (
        "killed by the system",
        "The system ended the process, usually because memory ran out.",
        "Close other programs or lower batch_size (and raise accumulate by the same factor), then start it again.",
    ),
    Reason.ERROR: (
        "an error",
        "The phase could not continue; the message above and the log say why.",
        "Fix the cause, then start it again: it continues from its newest checkpoint, if there is one.",
    ),
}


@dataclass(frozen=True)
class Stop:
    """A phase ends: the reason, a message for people, and the numbers of this very case for programs."""

    reason: Reason
    message: str
    numbers: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As model_info.json holds it."""
        return {"name": self.reason.value, "message": self.message, "numbers": dict(self.numbers)}
